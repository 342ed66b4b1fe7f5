/*
 * oversight.h - what the answers about approvals, overrides and explanations share.  Private to serve/.
 */
#ifndef SERVE_OVERSIGHT_H
#define SERVE_OVERSIGHT_H

#include "facts/facts.h"
#include "serve/call.h"

#define OVERSIGHT_PAGE	   200 /* items on a page when the caller does not say */
#define OVERSIGHT_PAGE_MAX 1000

/* A reply being filled; 'bad' once the arena had no room, looked at at the end. */
struct filler {
	const struct facts_view *v;
	struct arena *arena, *record;
	bool bad;
};

void *fill_alloc(struct filler *f, size_t n); /* zeroed; NULL: bad */
char *fill_text(struct filler *f, struct bytes text);
char *fill_name(struct filler *f, enum facts_names which, uint32_t number);
ProtobufCBinaryData fill_jti(const struct filler *f, uint32_t index); /* FACTS_NONE: empty */
ProtobufCBinaryData fill_wid(const struct filler *f, uint32_t index);
char *fill_iss(struct filler *f, uint32_t index);
char *fill_act(struct filler *f, uint32_t index);
/* The extension's text of that meaning; "" when there is none. */
char *fill_ext_text(struct filler *f, uint32_t index, const char *key);
/* Names of the bits that are set. */
char **fill_flags(
    struct filler *f, uint32_t flags, unsigned bits, const char *(*text)(unsigned), size_t *count);
uint64_t *fill_rests_on(struct filler *f, const uint32_t *from, size_t count);
Ectledger__V1__OversightTask *fill_task(struct filler *f, uint32_t index);

/* A question's workflow.  RC_BAD_REQUEST; RC_NOT_FOUND: the tree has no such workflow. */
enum rc oversight_wid(const struct facts_view *v, ProtobufCBinaryData wid, bool no_wid,
    bool *in_workflow, uint32_t *number, struct why *why);
/* The task of that id and kind. */
enum rc oversight_find(const struct facts_view *v, ProtobufCBinaryData jti, bool in_workflow,
    uint32_t wid, enum kind_id kind, uint32_t *index, struct why *why);
size_t oversight_limit(uint32_t asked);

#endif
