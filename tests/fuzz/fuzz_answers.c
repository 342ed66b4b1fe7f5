/*
 * fuzz_answers.c - hostile worlds: tasks, records, policy documents and descriptors in any order with any
 * extension, and every question asked of them.
 *
 * The first bytes say what is asked: the size of the tree, the budget, about whom.  Behind them entries are made
 * one after the other, each from a few bytes: what it is, who signs it, where, what it rests on, when, and its
 * extension, which is one of the table below (with a number of the input's in it) or text of the input's own.
 *
 * Properties: no question fails but by one of the codes that it names; a text that it is given is there; what the
 * facts say of a task's kind is what its document says.  Everything else is the sanitizers' and must()'s.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer/agents.h"
#include "answer/approvals.h"
#include "answer/circuit.h"
#include "answer/conform.h"
#include "answer/custody.h"
#include "answer/dependants.h"
#include "answer/explain.h"
#include "answer/overrides.h"
#include "answer/path.h"
#include "answer/recovery_list.h"
#include "answer/rollback.h"
#include "answer/translation.h"
#include "answer/workflow.h"
#include "base/json.h"
#include "claim/own_event.h"
#include "lib/facts_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TASKS_MAX 400

#define ROWS(x) (sizeof(x) / sizeof((x)[0]))

static const char *const acts[] = {"step", "pay", "start", "checkpoint", "failure",
    "rollback_request", "rollback_result", "compensation", "circuit", "hitl_request",
    "hitl_decision", "override", "override_ack", "override_release", "trust_assertion",
    "trust_revocation", "quarantine", "quarantine_end", "translation", "attestation", "explanation",
    "lifecycle", "ask", "own.x"};
static const char *const agents[] = {"a", "b", "c", "d", "urn:x", "spiffe://other.org/h", "op"};
static const char *const workflows[] = {"w", "x", "y", ""};

/* %llu is a number, %u the index of an entry. */
static const char *const exts[] = {"{\"rule_id\":\"r1\",\"deadline\":%llu,\"uses\":2}",
    "{\"rule_id\":\"r2\"}", "{\"decision\":\"approved\"}", "{\"decision\":\"revoked\"}",
    "{\"decision\":\"escalated\"}", "{\"decision\":\"denied\"}", "{\"decision\":\"withdrawn\"}",
    "{\"level\":\"stop\",\"scope\":\"workflow\",\"ack_by\":%llu}",
    ("{\"level\":\"takeover\",\"scope\":\"subgraph\",\"targets\":[\"@%u\",\"spiffe://example.com/"
    "agent/a\"]}"),
    "{\"status\":\"complied\"}", "{\"status\":\"received\",\"effective_at\":%llu}",
    "{\"subject\":\"spiffe://example.com/agent/b\",\"score\":0.5,\"model\":\"beta\",\"as_of\":%llu}",
    "{\"subject\":\"spiffe://example.com/agent/a\"}",
    ("{\"subject\":\"spiffe://example.com/agent/a\",\"score\":1e-300,\"r\":1e308,\"s\":-1,\"as_of\":"
    "%llu}"),
    "{\"event\":\"retire\",\"subject\":\"spiffe://example.com/agent/b\",\"sunset\":%llu}",
    "{\"event\":\"drain\",\"sunset\":%llu}", "{\"event\":\"version\",\"version\":\"2\"}",
    "{\"idem\":\"i\",\"scope\":\"checkpoint\",\"not_after\":%llu}",
    "{\"idem\":\"i\",\"scope\":\"full\",\"target_cp\":\"@%u\"}",
    "{\"scope\":\"workflow\",\"set\":[\"@%u\"]}",
    "{\"outcome\":\"success\",\"done\":[\"@%u\"]}",
    "{\"outcome\":\"partial\",\"left\":[\"@%u\"],\"compensations\":[\"@%u\"]}",
    "{\"compensates\":\"@%u\"}", "{\"fail_class\":\"policy\"}", "{\"fail_class\":\"external\"}",
    "{\"ttl_s\":%llu,\"reversible\":true}", "{\"reversible\":false}",
    ("{\"state\":\"open\",\"edge_from\":\"spiffe://example.com/agent/a\",\"edge_to\":\"spiffe://"
    "example.com/agent/b\",\"window\":%llu}"),
    "{\"state\":\"half_open\"}",
    "{\"src_proto\":\"p\",\"dst_proto\":\"q\",\"loss\":[{\"field\":\"f\",\"kind\":\"k\"}]}",
    "{\"src_proto\":\"q\",\"dst_proto\":\"p\",\"loss\":[1]}", "{\"vac\":{\"id\":1}}",
    "{\"node\":\"n1\"}", "{\"node\":\"n2\",\"critical\":true,\"attestation\":\"x\"}",
    "{\"irreversible\":true}", "{\"compensation_required\":true}"};

static const char *const documents[] = {"{}",
    ("{\"profile\":\"regulated\",\"roles\":{\"boss\":[\"spiffe://example.com/agent/b\"],"
    "\"operator\":[\"spiffe://example.com/agent/op\"],\"human\":[\"spiffe://other.org/*\"]},"
    "\"rules\":[{\"id\":\"r1\",\"when\":{\"field\":\"exec_act\",\"op\":\"in\",\"value\":[\"pay\"]},\"role\":\"boss\",\"escalate_to\":"
    "\"operator\",\"action\":\"pause\",\"timeout_s\":3153600000,\"on_timeout\":\"escalate\"}]}"),
    ("{\"roles\":{\"human\":[\"spiffe://other.org/*\"]},\"rules\":[{\"id\":\"r2\",\"when\":{\"field\":\"exec_act\",\"op\":\"in\",\"value\":[\"pay\",\"step\",\"failure\"]},\"role\":\"human\",\"action\":\"abort\",\"timeout_s\":1,"
    "\"on_timeout\":\"proceed\"}],\"override\":{\"ack_s\":3153600000},\"trust\":{\"model\":"
    "\"beta\",\"half_life_s\":1},\"circuit\":{\"window\":2,\"minimum\":1,\"wait_s\":0,\"probes\":2}}"),
    ("{\"kinds\":[{\"means\":\"hitl_request\",\"act\":[\"ask\"]},{\"name\":\"own\",\"act\":"
    "[\"own.*\"]}],\"trust\":{\"model\":\"wilson\",\"half_life_s\":3153600000},\"recovery\":"
    "{\"request_age_max_s\":3153600000},\"irreversible\":[\"pay\"],\"consequential\":[\"step\"]}"),
    ("{\"trust\":{\"model\":\"aimd\",\"half_life_s\":7,\"floor\":1,\"add\":1},\"circuit\":{\"wait_s\":"
    "3153600000},\"retention_s\":3153600000}")};

static const char *const plans[] = {
    "{\"nodes\":[{\"id\":\"n1\",\"act\":\"step\"},{\"id\":\"n2\",\"act\":\"pay\",\"after\":[\"n1\"]}]}",
    "{\"nodes\":[{\"id\":\"step\"},{\"id\":\"pay\",\"after\":[\"step\"]}]}", "{\"nodes\":[]}"};

struct input {
	const uint8_t *p;
	size_t n;
};

struct hostile {
	struct facts_world w;
	struct input in;
	uint32_t tasks[TASKS_MAX]; /* entries that can be rested on */
	size_t count;
	struct arena scratch;
};

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

static uint8_t
byte(struct input *in)
{
	if (in->n == 0)
		return 0;
	in->n--;
	return *in->p++;
}

/* Small ones, and those at the edges. */
static uint64_t
number(struct input *in, uint64_t now_s)
{
	static const uint64_t edges[] = {0, 1, UINT32_MAX, (UINT64_C(1) << 53) - 1,
	    UINT64_C(1) << 53, INT64_MAX / 1000, INT64_MAX, UINT64_MAX};
	uint8_t b = byte(in);

	return b < ROWS(edges) ? edges[b] : now_s + b - 128;
}

/* ---- a world ---- */

static const char *
ext_text(struct hostile *h, uint8_t which)
{
	static const struct json_limits limits = {CLAIM_EXT_TEXT_MAX, CLAIM_EXT_DEPTH_MAX, 8192};
	char text[512], one[21];
	struct json_node *root;
	const char *from;
	size_t n = 0;

	if (which >= 250) { /* its own */
		struct bytes own = bytes_of(h->in.p, byte(&h->in));

		if (own.n > h->in.n)
			own.n = h->in.n;
		own.p = h->in.p;
		h->in.p += own.n;
		h->in.n -= own.n;
		if (memchr(own.p, 0, own.n) != NULL || memchr(own.p, '@', own.n) != NULL ||
		    json_parse(own, &limits, true, &h->scratch, &root, NULL) != RC_OK ||
		    root->type != JSN_OBJECT)
			return NULL;
		return arena_strdup(&h->scratch, own);
	}
	if (which >= 200)
		return NULL;
	from = exts[which % ROWS(exts)];
	while (*from != '\0' && n + sizeof(one) + 1 < sizeof(text)) {
		if (strncmp(from, "%llu", 4) == 0) {
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%llu",
			    (unsigned long long)number(&h->in, h->w.now_ms / 1000));
			from += 4;
		} else if (strncmp(from, "%u", 2) == 0) {
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%u", byte(&h->in));
			from += 2;
		} else {
			text[n++] = *from++;
		}
	}
	return arena_strdup(&h->scratch, bytes_of(text, n));
}

static void
set_parents(struct hostile *h, struct world_task *t, uint8_t want)
{
	for (unsigned i = 0; i < want && h->count > 0; i++) {
		uint32_t parent = h->tasks[h->count - 1 - byte(&h->in) % h->count];
		bool has = false;

		for (size_t k = 0; k < t->parent_count; k++)
			has = has || t->parents[k] == parent;
		if (!has)
			t->parents[t->parent_count++] = parent;
	}
}

static void
add_task(struct hostile *h, uint8_t act)
{
	uint8_t who = byte(&h->in), how = byte(&h->in), same;
	struct world_task t = {.act = acts[act % ROWS(acts)],
	    .iss = agents[who % ROWS(agents)],
	    .wid = workflows[how % ROWS(workflows)]};

	set_parents(h, &t, (uint8_t)(how >> 2 & 3));
	t.ext = ext_text(h, byte(&h->in));
	if (how & 0x10) { /* never more than 30 s ahead: those are refused */
		uint64_t iat = number(&h->in, h->w.now_ms / 1000), most = h->w.now_ms / 1000 + 30;

		t.iat = (int64_t)(iat < most ? iat : most);
	}
	t.level = how & 0x20 ? LEVEL_1 : LEVEL_3;
	t.flags = how & 0x40 ? ENTRY_DEFERRED : 0;
	t.no_hashes = (how & 0x80) != 0;
	h->w.now_ms += (uint64_t)who * 100;
	same = (uint8_t)(who >> 4);
	if (same == 15 && h->count > 0) { /* the id of another workflow's task */
		struct facts_view v = world_view(&h->w);
		const struct fact *other = fact(&v, h->tasks[0]);
		uint32_t at = FACTS_NONE, i;
		uint8_t wid[UUID_SIZE];
		struct bytes name;

		world_wid(t.wid, wid);
		t.jti = other->jti;
		while ((i = facts_find(&v, t.jti, &at)) != FACTS_NONE) {
			name = facts_name(&v, FACTS_WID, fact(&v, i)->wid);
			if ((name.n == 0) == (t.wid[0] == '\0') &&
			    (name.n == 0 || memcmp(name.p, wid, UUID_SIZE) == 0))
				t.jti = NULL;
			if (t.jti == NULL)
				break;
		}
	}
	h->tasks[h->count++] = world_add(&h->w, &t);
}

static void
add_plan(struct hostile *h)
{
	struct own_descriptor event = {.by = bytes_str("x")};
	struct bytes payload;

	event.descriptor = bytes_str(plans[byte(&h->in) % ROWS(plans)]);
	world_wid(workflows[byte(&h->in) % (ROWS(workflows) - 1)], event.wid);
	expect(own_descriptor_write(&event, &h->scratch, &payload) == RC_OK);
	(void)world_event(&h->w, ENTRY_DESCRIPTOR, payload);
}

static void
make(struct hostile *h)
{
	while (h->in.n > 0 && h->count < TASKS_MAX) {
		uint8_t what = byte(&h->in);

		if (what >= 250)
			(void)world_policy(&h->w, documents[byte(&h->in) % ROWS(documents)]);
		else if (what >= 246)
			add_plan(h);
		else
			add_task(h, what);
	}
}

/* ---- the questions ---- */

struct asked {
	const struct facts_view *v;
	const struct budget *budget;
	uint32_t a, b, wid; /* two tasks of the view; a workflow's number, or FACTS_NONE */
	struct bytes iss;
	uint32_t page;
	struct why why;
};

static void
fine(struct asked *q, enum rc rc)
{
	expect(rc == RC_OK || rc == RC_NOT_FOUND || rc == RC_BAD_REQUEST || rc == RC_TOO_LARGE);
	expect(rc == RC_OK || q->why.text[0] != '\0');
	memset(&q->why, 0, sizeof(q->why));
}

static void
ask_graph(struct asked *q)
{
	struct provenance_ask p = {.roots = &q->a, .root_count = 1, .iss = FACTS_NONE, .limit = q->page};
	struct provenance_answer graph;
	struct path_answer path;
	struct common_answer common;
	struct custody_answer custody;
	uint32_t low = q->a < q->b ? q->a : q->b, high = q->a < q->b ? q->b : q->a;

	for (unsigned down = 0; down < 2; down++) {
		p.down = down != 0;
		fine(q, answer_provenance(q->v, &p, q->budget, &graph, &q->why));
	}
	p.iss = fact(q->v, q->a)->iss;
	p.roots = NULL;
	p.root_count = 0;
	fine(q, answer_provenance(q->v, &p, q->budget, &graph, &q->why));
	fine(q, answer_path(q->v, low, high, q->budget, &path, &q->why));
	fine(q, answer_paths(q->v, low, high, 0, q->page, q->budget, &graph, &q->why));
	fine(q, answer_common(q->v, low, high, 0, q->page, q->budget, &common, &q->why));
	fine(q, answer_custody(q->v, q->a, 0, q->page, q->budget, &custody, &q->why));
}

static void
ask_recovery(struct asked *q)
{
	struct recovery_question r = {.by_wid = true, .wid = q->wid, .limit = q->page};
	struct recovery_list list;
	struct rollback_answer set;

	fine(q, answer_recovery(q->v, &r, q->budget, &list, &q->why));
	r.by_wid = false;
	r.entry = q->a;
	fine(q, answer_recovery(q->v, &r, q->budget, &list, &q->why));
	for (unsigned scope = 0; scope < 3; scope++) {
		struct rollback_question b = {.task = q->a,
		    .scope = (enum rollback_scope)scope,
		    .to = scope == 1 && q->b < q->a ? q->b : FACTS_NONE,
		    .limit = q->page};

		fine(q, answer_rollback(q->v, &b, q->budget, &set, &q->why));
	}
}

static void
ask_people(struct asked *q)
{
	struct approvals_question p = {.limit = q->page};
	struct overrides_question o = {.limit = q->page};
	struct approvals_answer approvals;
	struct overrides_answer overrides;
	struct explain_answer explain;

	for (unsigned of = 0; of < 2; of++) {
		p.in_workflow = o.in_workflow = of != 0;
		p.wid = o.wid = q->wid;
		fine(q, answer_approvals(q->v, &p, q->budget, &approvals, &q->why));
		fine(q, answer_overrides(q->v, &o, q->budget, &overrides, &q->why));
	}
	fine(q, answer_explain(q->v, q->a, 0, q->page, q->budget, &explain, &q->why));
}

static void
ask_agents(struct asked *q)
{
	struct agents_question a = {.limit = q->page, .list_max = 5};
	struct trust_question t = {.iss = q->iss, .limit = q->page};
	struct trust_all_question all = {.limit = q->page};
	struct circuit_question c = {.from = FACTS_NONE, .to = FACTS_NONE, .all = true, .limit = q->page};
	struct agents_reply agents_reply;
	struct trust_reply trust;
	struct trust_all_reply trust_all;
	struct circuit_answer circuit;
	struct dependants_answer dependants;
	struct lifecycle life;

	fine(q, answer_agents(q->v, &a, q->budget, &agents_reply, &q->why));
	for (unsigned model = 0; model < 4; model++) {
		t.model = all.model = (enum policy_model)model;
		fine(q, answer_trust(q->v, &t, q->budget, &trust, &q->why));
		fine(q, answer_trust_all(q->v, &all, q->budget, &trust_all, &q->why));
	}
	fine(q, answer_circuit(q->v, &c, q->budget, &circuit, &q->why));
	fine(q, lifecycle_read(q->v, q->budget, &life, &q->why));
	fine(q, answer_dependants(q->v, facts_number(q->v, FACTS_ISS, q->iss), &life,
		    lifecycle_of(&life, q->iss), 0, q->page, q->budget, &dependants, &q->why));
}

static enum rc
out_hash(void *ctx, uint32_t index, uint8_t out[64], size_t *n, struct why *why)
{
	(void)ctx;
	(void)why;
	memset(out, (int)(index & 1), 32);
	*n = index & 2 ? 32 : 0;
	return RC_OK;
}

static void
ask_workflows(struct asked *q)
{
	struct translation_ask t = {
	    .wid = q->wid, .limit = q->page, .hashes = {.out_hash = out_hash}};
	struct workflow_ask w = {.wid = q->wid, .limit = q->page};
	struct conform_ask c = {.wid = q->wid, .limit = q->page};
	struct translation_answer translations;
	struct workflow_answer workflow;
	struct conform_answer conform;
	struct conform_log_answer conform_log;

	for (unsigned of = 0; of < 2; of++) {
		t.by_workflow = of != 0;
		fine(q, answer_translations(q->v, &t, q->budget, &translations, &q->why));
	}
	fine(q, answer_workflow(q->v, &w, q->budget, &workflow, &q->why));
	for (unsigned profile = 0; profile < 4; profile++) {
		c.profile = (enum policy_profile)profile;
		fine(q, answer_conform(q->v, &c, q->budget, &conform, &q->why));
		fine(q, answer_conform_log(q->v, &c, q->budget, &conform_log, &q->why));
	}
}

static void
ask(struct hostile *h, const uint8_t *say)
{
	size_t below = 1 + say[0] % h->count; /* tasks of the view */
	struct facts_view v =
	    world_view_at(&h->w, below == h->count ? world_view(&h->w).size : h->tasks[below]);
	struct asked q = {.v = &v,
	    .budget = &h->w.budget,
	    .a = h->tasks[say[1] % below],
	    .b = h->tasks[say[2] % below],
	    .page = say[3] < 128 ? 1000 : 1 + say[3] % 4};

	if (say[4] >= 128)
		h->w.budget.nodes_max = say[4] - 128;
	q.wid = fact(&v, q.b)->wid;
	q.iss = facts_name(&v, FACTS_ISS, fact(&v, q.a)->iss);
	ask_graph(&q);
	ask_recovery(&q);
	ask_people(&q);
	ask_agents(&q);
	ask_workflows(&q);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hostile h = {.in = {data, size}};
	uint8_t say[5];

	for (size_t i = 0; i < sizeof(say); i++)
		say[i] = byte(&h.in);
	world_init(&h.w);
	arena_init(&h.scratch, (size_t)64 << 20);
	make(&h);
	if (h.count > 0)
		ask(&h, say);
	arena_release(&h.scratch);
	world_release(&h.w);
	return 0;
}
