/*
 * import_otlp.h - spans of an OTLP/JSON file on their way to tokens.  Private to import_otlp*.c.
 *
 * Read (import_otlp_read.c) -> ordered, cycles broken (import_otlp_order.c) -> each span's act,
 * hashes and extension (import_otlp_task.c) -> signed (import_otlp.c).
 */
#ifndef ECTL_IMPORT_OTLP_H
#define ECTL_IMPORT_OTLP_H

#include "base/text.h"
#include "import.h"

#define OTLP_FILE_MAX	  (256UL * 1024 * 1024)
#define OTLP_SPANS_MAX	  1000000
#define OTLP_LINKS_MAX	  4000000
#define OTLP_NONE	  UINT32_MAX
#define OTLP_NAME_MAX	  256 /* bytes of a name that is kept */
#define OTLP_PRED_MAX	  100 /* the ledger's limit */
#define OTLP_TRACE_SIZE	  16
#define OTLP_ID_SIZE	  8
#define OTLP_STATUS_ERROR 2 /* opentelemetry.proto.trace.v1.Status.StatusCode */

struct otlp_span {
	uint8_t trace[OTLP_TRACE_SIZE], id[OTLP_ID_SIZE], parent_id[OTLP_ID_SIZE];
	bool has_parent;
	int status;
	int64_t start_ns, end_ns;
	const json_t *o;     /* the span */
	const char *service; /* service.name of its resource */
	uint32_t parent;     /* number of the span, OTLP_NONE: not in the file, or none */
	uint32_t links_at, links;
	/* filled when it is signed: parents first */
	const char *agent; /* NULL: the service alone */
	int64_t iat;
	char jti[IMPORT_JTI_SIZE];
};

struct otlp_link {
	uint8_t trace[OTLP_TRACE_SIZE], id[OTLP_ID_SIZE];
	uint32_t owner, span; /* OTLP_NONE: not in the file; then perhaps in the log */
	bool dropped;	      /* it would have closed a cycle */
};

struct otlp {
	json_t **docs; /* what the spans look into */
	size_t doc_count;
	struct otlp_span *spans; /* in the order of the file, each id once */
	size_t count, room;
	struct otlp_link *links;
	size_t link_count, link_room;
	uint32_t *by_id; /* spans by (trace, id) */
	uint64_t bad, repeated,
	    cycles; /* cycles: parents and links that were dropped to break one */
};

/* Fill 't' from a file; 0 or an exit code, message printed.  Bad spans are named and counted. */
int otlp_read(struct otlp *t, const char *path);
void otlp_release(struct otlp *t);
/* The span with these ids, OTLP_NONE. */
uint32_t otlp_find(
    const struct otlp *t, const uint8_t trace[OTLP_TRACE_SIZE], const uint8_t id[OTLP_ID_SIZE]);

/* An order in which every span comes after its parent and the targets of its links; what would close
 * a cycle is dropped and counted.  'order' has room for t->count.  False: no memory. */
bool otlp_order(struct otlp *t, uint32_t *order);

/* ---- one span ---- */

/* The value of an attribute (an AnyValue object) in a list of KeyValues; NULL. */
const json_t *otlp_attribute(const json_t *attributes, const char *key);
/* Its text: a stringValue without NUL and not empty; NULL. */
const char *otlp_text(const json_t *any);
/* exec_act of a span, at most CLAIM_ACT_MAX bytes of [A-Za-z0-9._-] */
#define OTLP_ACT_ROOM 257
void otlp_act(const struct otlp_span *s, char out[OTLP_ACT_ROOM]);
/* The agent that a span names itself; NULL. */
const char *otlp_agent(const struct otlp_span *s);
/* Hash of what went in or came out; false: the span does not say. */
bool otlp_hash(const struct otlp_span *s, bool output, char out[IMPORT_HASH_SIZE]);
/* The extension as JSON text, malloc'd; NULL: no memory. */
char *otlp_extension(const struct otlp_span *s);
/* The extension of its failure. */
char *otlp_failure_extension(const struct otlp_span *s);
/* Ids: UUIDv8 (RFC 9562 5.8) of SHA-256 over "ectledger/otlp/" WHAT 0 trace id. */
void otlp_jti(const char *what, const uint8_t trace[OTLP_TRACE_SIZE],
    const uint8_t id[OTLP_ID_SIZE], char out[IMPORT_JTI_SIZE]);

#endif
