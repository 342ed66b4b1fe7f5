/*
 * links.c - the entry that a job becomes: receive time, what it says of the signer, parents, and its
 * links into sequences: a token's into those of its workflow, its issuer and the workflows that it
 * refers to; a key event's and an equivocation's into those of their kind, whole and by domain or
 * issuer; a policy document's and a descriptor's into those of the policy or of the workflow's
 * descriptors, and into the one of both.
 *
 * A link is (how many came before, the index of the last one).  Whoever knows a sequence's head
 * walks back along the links and knows that nothing is missing, so a head moves only when the entry
 * is in the batch.
 */
#include <string.h>

#include "base/must.h"
#include "seq/step.h"

/* The head of a sequence as of now: moved by this batch, or what the index has. */
static enum rc
sequence(struct step *s, const struct index_seq_key *key, struct entry_link *link)
{
	struct index_seq_head head;
	enum rc rc = RC_OK;

	if (!batch_seq_get(s->l->batch, key, &head)) {
		rc = index_seq(s->view, key, &head);
		if (rc == RC_NOT_FOUND) {
			*link = (struct entry_link){.ordinal = 0, .previous = ENTRY_NONE};
			return RC_OK;
		}
	}
	if (rc == RC_OK)
		*link = (struct entry_link){.ordinal = head.count, .previous = head.last};
	return rc;
}

static void
sequence_move(
    struct step *s, const struct index_seq_key *key, const struct entry_link *link, uint64_t index)
{
	struct index_seq_head head = {.count = link->ordinal + 1, .last = index};

	batch_seq_set(s->l->batch, key, &head);
}

static struct index_seq_key
key_of(enum index_seq kind, const uint8_t id[UUID_SIZE])
{
	struct index_seq_key key = {.kind = kind};

	memcpy(key.id, id, UUID_SIZE);
	return key;
}

/* The sequence of this kind for an issuer or a trust domain. */
static struct index_seq_key
name_key(enum index_seq kind, struct bytes name)
{
	struct hash h;

	hash_of(name, &h);
	return key_of(kind, h.b);
}

/* Links into the sequences of foreign references: one for each other scope that a parent belongs
 * to, in order of first mention. */
static enum rc
foreign_links(struct step *s, const struct seq_job *job, const struct dag_parents *parents,
    struct entry *entry)
{
	const struct claim *claim = job->claim;
	struct entry_foreign *list;
	size_t count = 0, at;
	enum rc rc;

	if (!parents->foreign)
		return RC_OK;
	if ((list = arena_zalloc(&s->l->arena, parents->count * sizeof(*list))) == NULL)
		return RC_NO_MEMORY;
	for (size_t i = 0; i < parents->count; i++) {
		const struct dag_node *p = &parents->node[i];
		struct index_seq_key key = key_of(INDEX_SEQ_FOREIGN, p->wid);

		if (p->has_wid == claim->has_wid && memcmp(p->wid, claim->wid, UUID_SIZE) == 0)
			continue;
		for (at = 0; at < count; at++)
			if (list[at].has_wid == p->has_wid &&
			    memcmp(list[at].wid, p->wid, UUID_SIZE) == 0)
				break;
		if (at < count)
			continue;
		list[count].has_wid = p->has_wid;
		memcpy(list[count].wid, p->wid, UUID_SIZE);
		if ((rc = sequence(s, &key, &list[count].link)) != RC_OK)
			return rc;
		count++;
	}
	entry->foreign = list;
	entry->foreign_count = count;
	entry->flags |= ENTRY_FOREIGN_PARENT;
	return RC_OK;
}

/* The two links that every kind has. */
static enum rc
links(struct step *s, const struct index_seq_key *first, const struct index_seq_key *second,
    struct entry *entry)
{
	enum rc rc = sequence(s, first, &entry->workflow);

	return rc == RC_OK ? sequence(s, second, &entry->issuer) : rc;
}

static void
entry_begin(struct step *s, enum entry_kind kind, struct entry *entry)
{
	memset(entry, 0, sizeof(*entry));
	entry->kind = kind;
	entry->received_at_ms = s->received_ms;
	entry->anchor = ENTRY_NONE;
	memcpy(entry->limits, s->l->limits, ENTRY_LIMITS_SIZE);
}

/* An agent's token, in the log or refused, and how its signer was bound. */
static void
entry_said(const struct seq_job *job, uint64_t anchor, struct entry *entry)
{
	must(job->has_signer == (job->token->level > LEVEL_1));
	entry->media = job->token->media;
	entry->level = job->token->level;
	entry->flags = job->flags;
	entry->token = job->token->raw;
	if (!job->has_signer)
		return;
	entry->has_signer = true;
	entry->signer = job->signer;
	entry->binding = (unsigned)job->binding;
	entry->anchor = anchor;
	entry->credential = job->credential;
}

enum rc
step_entry_token(struct step *s, const struct seq_job *job, const struct dag_parents *parents,
    uint64_t anchor, struct entry *entry)
{
	struct index_seq_key wkey = key_of(INDEX_SEQ_WORKFLOW, job->claim->wid);
	struct index_seq_key ikey = name_key(INDEX_SEQ_ISSUER, job->claim->iss);
	enum rc rc;

	entry_begin(s, ENTRY_TOKEN, entry);
	entry_said(job, anchor, entry);
	entry->parents = parents->index;
	entry->parent_count = parents->count;
	if (parents->lower)
		entry->flags |= ENTRY_LOWER_PARENT;
	if ((rc = links(s, &wkey, &ikey, entry)) != RC_OK)
		return rc;
	return foreign_links(s, job, parents, entry);
}

enum rc
step_entry_event(
    struct step *s, const struct seq_job *job, struct bytes domain, struct entry *entry)
{
	struct index_seq_key all = {.kind = INDEX_SEQ_KEYS};
	struct index_seq_key of_domain = name_key(INDEX_SEQ_DOMAIN_KEYS, domain);

	entry_begin(s, ENTRY_KEY, entry);
	entry->token = job->event;
	return links(s, &all, &of_domain, entry);
}

enum rc
step_entry_own(struct step *s, const struct seq_job *job, const uint8_t *wid, struct entry *entry)
{
	struct index_seq_key first = {.kind = INDEX_SEQ_POLICIES};
	struct index_seq_key own = {.kind = INDEX_SEQ_OWN};

	if (wid != NULL)
		first = key_of(INDEX_SEQ_DESCRIPTORS, wid);
	entry_begin(s, job->kind, entry);
	entry->token = job->event;
	return links(s, &first, &own, entry);
}

enum rc
step_descriptor_link(struct step *s, const uint8_t wid[UUID_SIZE], struct entry_link *link)
{
	struct index_seq_key key = key_of(INDEX_SEQ_DESCRIPTORS, wid);

	return sequence(s, &key, link);
}

enum rc
step_entry_evidence(struct step *s, const struct seq_job *job, const uint64_t *holder,
    uint64_t anchor, struct entry *entry)
{
	struct index_seq_key all = {.kind = INDEX_SEQ_EQUIVOCATIONS};
	struct index_seq_key of_issuer = name_key(INDEX_SEQ_ISSUER_EQUIVOCATIONS, job->claim->iss);

	entry_begin(s, ENTRY_EQUIVOCATION, entry);
	entry_said(job, anchor, entry);
	entry->parents = holder;
	entry->parent_count = 1;
	return links(s, &all, &of_issuer, entry);
}

enum rc
step_evidence_link(struct step *s, struct bytes iss, struct entry_link *link)
{
	struct index_seq_key key = name_key(INDEX_SEQ_ISSUER_EQUIVOCATIONS, iss);

	return sequence(s, &key, link);
}

void
step_links_move(struct step *s, const struct index_row *row, const struct entry *entry)
{
	must(row->seq_count == 2 + entry->foreign_count);
	sequence_move(s, &row->seqs[0], &entry->workflow, row->index);
	sequence_move(s, &row->seqs[1], &entry->issuer, row->index);
	for (size_t i = 0; i < entry->foreign_count; i++)
		sequence_move(s, &row->seqs[2 + i], &entry->foreign[i].link, row->index);
}
