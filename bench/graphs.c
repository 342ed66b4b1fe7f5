/*
 * graphs.c - large graphs for questions, as unsigned tasks (level L1), so that a million of them are
 * in a log before the coffee is cold.  Whatever is asked goes over the same entries, rows and edges as
 * for signed ones.
 *
 *   fanout  everything follows the first task
 *   chain   everything follows the task before
 *   dense   layers of DENSE_WIDTH tasks that follow all of the layer before
 *   mixed   workflows of MIXED_TASKS tasks by many agents: failures, approvals, checkpoints among them
 *
 * Ids follow from shape and number, so that questions need no memory of what was sent.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "base/text.h"
#include "tools/ectl/ectl.h"

#define DENSE_WIDTH 10
#define MIXED_TASKS 100
#define TOKEN_MAX   2048

static const char *const names[] = {"fanout", "chain", "dense", "mixed"};

const char *
graph_name(enum graph_shape shape)
{
	must(shape < GRAPH_SHAPES);
	return names[shape];
}

/* splitmix64: the same number each time. */
static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

void
graph_jti(enum graph_shape shape, uint64_t i, uint8_t out[UUID_SIZE])
{
	put_u64(out, mix(i * GRAPH_SHAPES + shape));
	put_u64(out + 8, i);
	out[6] = (uint8_t)((out[6] & 0x0f) | 0x80);
	out[8] = 0x80 | (uint8_t)shape;
}

void
graph_wid(enum graph_shape shape, uint64_t i, uint8_t out[UUID_SIZE])
{
	put_u64(out, UINT64_C(0xbe9c000000008000) | shape);
	put_u64(
	    out + 8, UINT64_C(0x8000000000000000) | (shape == GRAPH_MIXED ? i / MIXED_TASKS : 0));
}

void
graph_agent(const struct graph *g, uint64_t i, char out[GRAPH_AGENT_ROOM])
{
	snprintf(out, GRAPH_AGENT_ROOM, "spiffe://example.com/agent/a%llu",
	    (unsigned long long)(mix(i) % g->agents));
}

/* How many tasks follow task i, itself not counted, when there are 'count'. */
uint64_t
graph_descendants(const struct graph *g, uint64_t i)
{
	switch (g->shape) {
	case GRAPH_FANOUT:
		return i == 0 ? g->count - 1 : 0;
	case GRAPH_CHAIN:
		return g->count - 1 - i;
	case GRAPH_DENSE:
		return g->count - (i / DENSE_WIDTH + 1) * DENSE_WIDTH;
	default:
		return 0; /* a workflow's share of it */
	}
}

static size_t
parents_of(const struct graph *g, uint64_t i, uint64_t out[DENSE_WIDTH])
{
	const uint64_t layer = i / DENSE_WIDTH, begin = i / MIXED_TASKS * MIXED_TASKS;
	size_t n = 0;

	switch (g->shape) {
	case GRAPH_FANOUT:
		if (i > 0)
			out[n++] = 0;
		break;
	case GRAPH_CHAIN:
		if (i > 0)
			out[n++] = i - 1;
		break;
	case GRAPH_DENSE:
		for (; layer > 0 && n < DENSE_WIDTH; n++)
			out[n] = (layer - 1) * DENSE_WIDTH + n;
		break;
	default:
		/* A decision rests on its request; others on the task before or on an earlier one. */
		if (i > begin)
			out[n++] =
			    i % 25 == 11 || mix(i) % 3 != 0 ? i - 1 : begin + mix(i) % (i - begin);
	}
	return n;
}

/* Action and extension of a task. */
static const char *
act_of(const struct graph *g, uint64_t i, const char **ext)
{
	*ext = "";
	if (g->shape == GRAPH_MIXED && i % MIXED_TASKS > 0)
		switch (i % 25) {
		case 5:
			*ext = ",\"ect_ext\":{\"fail_class\":\"internal\"}";
			return "failure";
		case 10:
			*ext = ",\"ect_ext\":{\"rule_id\":\"pay\",\"role\":\"approver\"}";
			return "hitl_request";
		case 11:
			*ext = ",\"ect_ext\":{\"decision\":\"approved\"}";
			return "hitl_decision";
		case 15:
			return "checkpoint";
		default:
			break;
		}
	return i % 7 == 0 ? "search" : "write_code";
}

static size_t
task_write(const struct graph *g, uint64_t i, int64_t now, char out[TOKEN_MAX])
{
	char jti[UUID_TEXT_SIZE], wid[UUID_TEXT_SIZE], agent[GRAPH_AGENT_ROOM];
	uint64_t parents[DENSE_WIDTH];
	const size_t count = parents_of(g, i, parents);
	uint8_t id[UUID_SIZE];
	const char *ext, *act = act_of(g, i, &ext);
	size_t n;

	graph_jti(g->shape, i, id);
	uuid_text(id, jti);
	graph_wid(g->shape, i, id);
	uuid_text(id, wid);
	graph_agent(g, i, agent);
	n = (size_t)snprintf(out, TOKEN_MAX,
	    "{\"iss\":\"%s\",\"aud\":\"urn:ectledger\",\"iat\":%lld,\"exp\":%lld,\"jti\":\"%s\","
	    "\"wid\":\"%s\","
	    "\"exec_act\":\"%s\"%s,\"pred\":[",
	    agent, (long long)now, (long long)now + 3600, jti, wid, act, ext);
	for (size_t k = 0; k < count; k++) {
		graph_jti(g->shape, parents[k], id);
		uuid_text(id, jti);
		n += (size_t)snprintf(out + n, TOKEN_MAX - n, "%s\"%s\"", k > 0 ? "," : "", jti);
	}
	n += (size_t)snprintf(out + n, TOKEN_MAX - n, "]}");
	must(n < TOKEN_MAX);
	return n;
}

/* One lane with tasks [from, to), as AppendRequest fields. */
static bool
lane_fill(const struct graph *g, struct lane *lane, uint64_t from, uint64_t to)
{
	const int64_t now = (int64_t)time(NULL);
	char token[TOKEN_MAX];
	struct buf b;

	buf_init(&b, 0);
	lane->count = to - from;
	lane->end = calloc(lane->count, sizeof *lane->end);
	for (uint64_t i = from; i < to && lane->end != NULL; i++) {
		const size_t n = task_write(g, i, now, token);
		const uint8_t head[3] = {0x0a, (uint8_t)(n | 0x80), (uint8_t)(n >> 7)};

		must(n >= 0x80 && n < 0x4000);
		buf_add(&b, head, sizeof head);
		buf_add(&b, token, n);
		lane->end[i - from] = b.n;
	}
	lane->bytes = b.p;
	return lane->end != NULL && !b.bad;
}

bool
graph_load(
    const struct graph *g, const struct bench_options *o, const char *address, double *seconds)
{
	*seconds = 0;
	for (uint64_t from = 0; from < g->count; from += GRAPH_PART) {
		const uint64_t to = g->count - from < GRAPH_PART ? g->count : from + GRAPH_PART;
		struct lane lane = {0};
		struct corpus c = {.lanes = &lane, .lane_count = 1};
		struct load l = {.o = o, .c = &c, .address = address, .to = to - from};
		struct load_result r = {0};
		bool ok = lane_fill(g, &lane, from, to) && load_run(&l, &r);

		if (ok && r.refused > 0)
			ok = fail(EXIT_NO, "%llu tasks were refused: %s",
				 (unsigned long long)r.refused, r.first_refusal) == 0;
		*seconds += r.seconds;
		free(r.latency_us);
		free(lane.bytes);
		free(lane.end);
		if (!ok)
			return false;
	}
	return true;
}
