/*
 * links.c - the entry that a token becomes: receive time, parents, and its links into the sequences
 * of its workflow, its issuer and the workflows that it refers to.
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

static struct index_seq_key
issuer_key(const struct claim *claim)
{
	struct hash h;

	hash_of(claim->iss, &h);
	return key_of(INDEX_SEQ_ISSUER, h.b);
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
	if ((list = arena_zalloc(job->arena, parents->count * sizeof(*list))) == NULL)
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

enum rc
step_entry(struct step *s, const struct seq_job *job, const struct dag_parents *parents,
    struct entry *entry)
{
	struct ledger *l = s->l;
	struct index_seq_key wkey = key_of(INDEX_SEQ_WORKFLOW, job->claim->wid);
	struct index_seq_key ikey = issuer_key(job->claim);
	enum rc rc;

	memset(entry, 0, sizeof(*entry));
	entry->kind = ENTRY_TOKEN;
	entry->received_at_ms = (uint64_t)s->now_ms;
	if (entry->received_at_ms < l->received_last_ms)
		entry->received_at_ms = l->received_last_ms; /* the clock went back: order stays */
	entry->media = job->token->media;
	entry->level = job->token->level;
	entry->flags = job->flags;
	entry->has_signer = job->has_signer;
	entry->signer = job->signer;
	entry->binding = (unsigned)job->binding;
	entry->anchor = ENTRY_NONE;
	entry->credential = job->credential;
	entry->parents = parents->index;
	entry->parent_count = parents->count;
	memcpy(entry->limits, l->limits, ENTRY_LIMITS_SIZE);
	entry->token = job->token->raw;
	if ((rc = sequence(s, &wkey, &entry->workflow)) != RC_OK ||
	    (rc = sequence(s, &ikey, &entry->issuer)) != RC_OK)
		return rc;
	return foreign_links(s, job, parents, entry);
}

void
step_links_move(
    struct step *s, const struct claim *claim, const struct entry *entry, uint64_t index)
{
	struct index_seq_key wkey = key_of(INDEX_SEQ_WORKFLOW, claim->wid);
	struct index_seq_key ikey = issuer_key(claim);

	sequence_move(s, &wkey, &entry->workflow, index);
	sequence_move(s, &ikey, &entry->issuer, index);
	for (size_t i = 0; i < entry->foreign_count; i++) {
		struct index_seq_key fkey = key_of(INDEX_SEQ_FOREIGN, entry->foreign[i].wid);

		sequence_move(s, &fkey, &entry->foreign[i].link, index);
	}
}
