/*
 * facts_world.c - ids are made of indexes and names, so that tests can name what they have not made
 * yet.
 */
#include "lib/facts_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "claim/own_event.h"
#include "policy/policy.h"

#define WORLD_BEGIN_MS UINT64_C(1000000000000)

void
world_init(struct facts_world *w)
{
	struct facts_options options = {0};

	memset(w, 0, sizeof(*w));
	must(facts_new(&w->f, &options) == RC_OK);
	must(book_new(&w->book) == RC_OK);
	arena_init(&w->arena, (size_t)8 << 30);
	arena_init(&w->scratch, (size_t)1 << 30);
	w->now_ms = WORLD_BEGIN_MS;
	w->budget = (struct budget){.nodes_max = 100000000, .arena = &w->arena};
}

void
world_release(struct facts_world *w)
{
	facts_free(w->f);
	book_free(w->book);
	arena_release(&w->arena);
	arena_release(&w->scratch);
}

void
world_jti(uint32_t index, uint8_t out[UUID_SIZE])
{
	static const uint8_t form[UUID_SIZE] = {0x01, 0x90, 0, 0, 0, 0, 0x40, 0, 0x80};

	memcpy(out, form, UUID_SIZE);
	put_u32(out + 12, index);
}

const char *
world_jti_text(struct facts_world *w, uint32_t index)
{
	char *text = arena_alloc(&w->arena, UUID_TEXT_SIZE);
	uint8_t id[UUID_SIZE];

	must(text != NULL);
	world_jti(index, id);
	uuid_text(id, text);
	return text;
}

void
world_wid(const char *name, uint8_t out[UUID_SIZE])
{
	struct hash h;

	hash_of(bytes_str(name), &h);
	memcpy(out, h.b, UUID_SIZE);
	out[6] = (uint8_t)((out[6] & 0x0f) | 0x40);
	out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}

struct bytes
world_iss(struct facts_world *w, const char *name)
{
	char *text = strchr(name, ':') != NULL
			 ? arena_strdup(&w->arena, bytes_str(name))
			 : arena_printf(&w->arena, "spiffe://example.com/agent/%s", name);

	must(text != NULL);
	return bytes_str(text);
}

/* "@7" -> the id of entry 7. */
static struct bytes
fill_ids(struct facts_world *w, const char *ext)
{
	struct buf b;
	struct bytes out;

	buf_init(&b, 0);
	for (const char *p = ext; *p != '\0';) {
		if (p[0] == '@' && p > ext && p[-1] == '"' && p[1] >= '0' && p[1] <= '9') {
			char *end;
			unsigned long index = strtoul(p + 1, &end, 10);

			buf_add_str(&b, world_jti_text(w, (uint32_t)index));
			p = end;
		} else {
			buf_add(&b, p++, 1);
		}
	}
	must(arena_dup(&w->arena, buf_bytes(&b), &out));
	buf_release(&b);
	return out;
}

static void
set_hashes(struct claim *c, const struct world_task *t, uint32_t index)
{
	struct hash h;

	if (t->no_hashes && t->inp == NULL && t->out == NULL)
		return;
	hash_of(bytes_of(&index, sizeof(index)), &h);
	if (!t->no_hashes || t->inp != NULL) {
		c->inp_hash = (struct claim_hash){.alg = CLAIM_SHA256, .size = 32};
		memcpy(c->inp_hash.b, t->inp != NULL ? t->inp : h.b, 32);
	}
	if (!t->no_hashes || t->out != NULL) {
		h.b[0] ^= 1;
		c->out_hash = (struct claim_hash){.alg = CLAIM_SHA256, .size = 32};
		memcpy(c->out_hash.b, t->out != NULL ? t->out : h.b, 32);
	}
}

static void
set_claim(struct facts_world *w, const struct world_task *t, uint32_t index, struct claim *c)
{
	static const struct json_limits limits = {CLAIM_EXT_TEXT_MAX, CLAIM_EXT_DEPTH_MAX, 8192};
	const char *wid = t->wid == NULL ? "w" : t->wid;
	uint8_t(*pred)[UUID_SIZE] = arena_alloc(&w->arena, (t->parent_count + 1) * UUID_SIZE);
	struct json_node *root = NULL;
	struct bytes rest;

	must(pred != NULL);
	memset(c, 0, sizeof(*c));
	c->iss = world_iss(w, t->iss == NULL ? "a" : t->iss);
	rest = bytes_of(memmem(c->iss.p, c->iss.n, "://", 3), 0);
	if (rest.p != NULL) /* else a URN: no domain */
		rest = bytes_of(rest.p + 3, (size_t)(c->iss.p + c->iss.n - rest.p) - 3);
	c->trust_domain = rest;
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] == '/') {
			c->trust_domain.n = i;
			break;
		}
	if (t->jti != NULL)
		memcpy(c->jti, t->jti, UUID_SIZE);
	else
		world_jti(index, c->jti);
	c->has_wid = wid[0] != '\0';
	if (c->has_wid)
		world_wid(wid, c->wid);
	c->act = bytes_str(t->act == NULL ? "step" : arena_strdup(&w->arena, bytes_str(t->act)));
	c->iat = t->iat != 0 ? t->iat : (int64_t)(w->now_ms / 1000);
	c->exp = c->iat + 600;
	for (size_t i = 0; i < t->parent_count; i++)
		memcpy(pred[i],
		    ((const struct fact *)fact(&(struct facts_view){w->f, index}, t->parents[i]))
			->jti,
		    UUID_SIZE);
	c->pred = (const uint8_t(*)[UUID_SIZE])pred;
	c->pred_count = t->parent_count;
	set_hashes(c, t, index);
	if (t->ext != NULL) {
		c->ext = fill_ids(w, t->ext);
		must(json_parse(c->ext, &limits, true, &w->arena, &root, NULL) == RC_OK);
		c->ext_json = root;
	}
	c->kind = kind_of(c->act);
}

/* What the sequencer would have found out about the parents. */
static void
set_parents(struct facts_world *w, const struct world_task *t, const struct claim *c,
    struct entry *e, uint64_t parents[100])
{
	struct facts_view v = world_view(w);

	for (size_t i = 0; i < t->parent_count; i++) {
		const struct fact *p = fact(&v, t->parents[i]);
		struct bytes wid = facts_name(&v, FACTS_WID, p->wid);

		parents[i] = t->parents[i];
		if ((wid.n > 0) != c->has_wid ||
		    (c->has_wid && memcmp(wid.p, c->wid, UUID_SIZE) != 0))
			e->flags |= ENTRY_FOREIGN_PARENT;
		if (p->flags & FACT_LOWER)
			e->flags |= ENTRY_LOWER_PARENT;
	}
	e->parents = parents;
	e->parent_count = t->parent_count;
}

uint32_t
world_add(struct facts_world *w, const struct world_task *t)
{
	uint32_t index = (uint32_t)facts_reach(w->f);
	struct entry e = {.kind = ENTRY_TOKEN,
	    .version = ENTRY_VERSION,
	    .media = TOKEN_JWS,
	    .level = t->level == 0 ? LEVEL_2 : t->level,
	    .flags = t->flags,
	    .anchor = ENTRY_NONE,
	    .has_signer = t->level != LEVEL_1,
	    .binding = t->level == LEVEL_1 ? 0 : 1};
	uint64_t parents[100];
	struct claim c;

	if (t->received_ms != 0)
		w->now_ms = t->received_ms;
	e.received_at_ms = w->now_ms;
	set_claim(w, t, index, &c);
	hash_of(c.iss, &e.signer); /* one key each */
	set_parents(w, t, &c, &e, parents);
	must(facts_add(w->f, &e, &c, book_at(w->book, index)) == RC_OK);
	w->now_ms += 1000;
	return index;
}

uint32_t
world_put(struct facts_world *w, const char *iss, const char *act, const char *ext,
    size_t parent_count, const uint32_t *parents)
{
	struct world_task t = {.iss = iss, .act = act, .ext = ext, .parent_count = parent_count};

	must(parent_count <= 100);
	if (parent_count > 0)
		memcpy(t.parents, parents, parent_count * sizeof(*parents));
	return world_add(w, &t);
}

uint32_t
world_event(struct facts_world *w, enum entry_kind kind, struct bytes payload)
{
	uint32_t index = (uint32_t)facts_reach(w->f);
	struct entry e = {.kind = kind,
	    .version = ENTRY_VERSION,
	    .anchor = ENTRY_NONE,
	    .received_at_ms = w->now_ms};

	must(arena_dup(&w->arena, payload, &e.token));
	must(facts_add(w->f, &e, NULL, book_at(w->book, index)) == RC_OK);
	w->now_ms += 1000;
	return index;
}

uint32_t
world_policy(struct facts_world *w, const char *json)
{
	struct own_policy event = {bytes_str("file"), bytes_str(json)};
	struct why why = {0};
	uint32_t index = (uint32_t)facts_reach(w->f);
	enum rc read = book_add(w->book, index, w->now_ms, bytes_str(json), &why);
	struct bytes payload;

	if (read != RC_OK)
		(void)fprintf(stderr, "world_policy: %s\n", why.text);
	must(read == RC_OK);
	must(own_policy_write(&event, &w->arena, &payload) == RC_OK);
	return world_event(w, ENTRY_POLICY, payload);
}

struct facts_view
world_view(const struct facts_world *w)
{
	return facts_at(w->f, facts_reach(w->f));
}

struct facts_view
world_view_at(const struct facts_world *w, uint32_t size)
{
	return facts_at(w->f, size);
}
