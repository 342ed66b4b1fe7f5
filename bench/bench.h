/*
 * bench.h - what the parts of ectbench share: options, the corpus in memory, results.
 *
 * The corpus is cut into lanes, one per connection.  A workflow lives in one lane, so that parents
 * are always sent before their children on the same stream.  A lane's tokens lie in memory as
 * AppendRequest fields ready to be sent: a message is a slice.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <jansson.h>

#include "base/bytes.h"
#include "base/text.h"

struct bench_options {
	const char *scenario, *server, *trust; /* server NULL: start one of our own */
	const char *cert, *key, *ca;
	bool json, keep;
	uint64_t count, workflows, agents, fan_in, token_bytes, connections, window, batch,
	    open_count;
	double rate; /* open loop; 0: half of what the closed loop reached */
	bool no_open;
	const char *alg, *uuid, *folder; /* folder: where the server's own one is made */
	const char *conf;		 /* lines for its ledger.conf; NULL: none */
	const char *shape;		 /* of the graph, or "all" */
	uint64_t repeat, questions, preload;
	unsigned threads;
};

struct lane {
	uint8_t *bytes; /* count times: 0x0a, length, token */
	uint64_t *end;	/* where token i's field ends; where it begins is the end of i - 1 */
	uint32_t *key;	/* index of its key */
	uint64_t count;
};

struct private_key;
struct corpus {
	struct lane *lanes;
	size_t lane_count;
	struct private_key **keys;
	char **jwks; /* each key's public JWK as JSON text */
	size_t key_count;
	double sign_s, mean_bytes;
};

/* One lane's i-th token without its field head. */
struct bytes lane_token(const struct lane *lane, uint64_t i);

/* 'lanes' lanes of 'per_lane' tokens, dated now.  False: message printed. */
bool corpus_make(struct corpus *c, const struct bench_options *o, size_t lanes, uint64_t per_lane);
/* Write every public key to the trust folder's agents.jwks.json. */
bool corpus_enroll(const struct corpus *c, const char *trust_folder);
void corpus_release(struct corpus *c);

/* How fast the same cores verify the same tokens and do nothing else. */
struct yardstick {
	double verifier_per_s; /* the ledger's own verify loop: the yardstick */
	double evp_per_s;      /* a plain EVP loop with a fresh context per token */
	double cpu_us;	       /* processor time of one verification, by the verifier */
};
bool yardstick_measure(struct yardstick *y, const struct corpus *c, unsigned threads);

/* The server under test. */
struct server {
	pid_t pid;
	char folder[256], address[128];
	uint64_t *syncs; /* shared with its preloaded counter; NULL: not counted */
};
struct server_use {
	double cpu_s, rss_mb;
	uint64_t syncs;
};
/* Init and start on a fresh folder with the ectledgerd beside our own program and the corpus (NULL: none) enrolled. */
bool server_start(struct server *s, const struct bench_options *o, const struct corpus *c);
bool server_use(const struct server *s, struct server_use *out);
/* Processor time of the server's threads whose names begin so. */
double server_threads_cpu(const struct server *s, const char *name);
/* SIGTERM and wait; gives the folder's allocated bytes.  0: it did not end well. */
uint64_t server_stop(struct server *s);
void server_remove(const struct server *s, bool keep);

/* One load phase over lanes [from, to) of each lane's tokens. */
struct load {
	const struct bench_options *o;
	const struct corpus *c;
	const char *address;
	uint64_t from, to;
	double rate; /* tokens a second in all; 0: closed loop */
};
struct load_result {
	uint64_t acked, refused;
	double seconds;
	uint32_t *latency_us; /* 'acked' of them, sorted; free() */
	char first_refusal[256];
};
bool load_run(const struct load *l, struct load_result *out);
/* The p-quantile in milliseconds. */
double load_quantile_ms(const struct load_result *r, double p);

int64_t bench_now_us(void);

/* ---- graphs.c: what questions are asked about ---- */

#define GRAPH_PART	 100000 /* tasks in memory at once */
#define GRAPH_AGENT_ROOM 64
enum graph_shape { GRAPH_FANOUT, GRAPH_CHAIN, GRAPH_DENSE, GRAPH_MIXED, GRAPH_SHAPES };
struct graph {
	enum graph_shape shape;
	uint64_t count, agents;
};
const char *graph_name(enum graph_shape shape);
void graph_jti(enum graph_shape shape, uint64_t i, uint8_t out[UUID_SIZE]);
void graph_wid(enum graph_shape shape, uint64_t i, uint8_t out[UUID_SIZE]);
void graph_agent(const struct graph *g, uint64_t i, char out[GRAPH_AGENT_ROOM]); /* of task i */
uint64_t graph_descendants(const struct graph *g, uint64_t i);
/* Append it; the log must take L1.  Seconds from the first send to the last answer. */
bool graph_load(
    const struct graph *g, const struct bench_options *o, const char *address, double *seconds);

/* ---- ask.c: one question at a time ---- */

struct asker;
struct asker *asker_open(const struct bench_options *o, const char *address);
void asker_close(struct asker *a); /* NULL is fine */
/* Members of a request by their names in the proto file; a name that the message lacks is passed over. */
struct ask_value {
	const char *name;   /* NULL: the end */
	struct bytes bytes; /* bytes and strings */
	uint64_t number;
};
struct ask_result {
	int64_t us;   /* on the wire and back */
	size_t bytes; /* of the answer */
	uint64_t tree_size;
	bool complete; /* or the answer does not say */
	bool refused;
	char text[160];
};
/* Is there such a method ("Query/Search")? */
bool ask_known(const char *method);
bool ask(
    struct asker *a, const char *method, const struct ask_value *values, struct ask_result *out);
/* A counter of the server (Admin/Stats). */
bool ask_counter(struct asker *a, const char *name, double *out);

/* ---- scenarios: 0 or an exit code, result printed ---- */
int bench_query(const struct bench_options *o);
int bench_load(const struct bench_options *o);
void bench_tell(const struct bench_options *o, json_t *j); /* takes j */

#endif
