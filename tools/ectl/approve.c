/*
 * approve.c - "ectl approve", "deny", "decide": a person's decision about a request, signed and
 * appended.
 *
 * What was to be shown is repeated by its hash, so that nobody can say later that something else had
 * been approved.
 */
#include <stdio.h>
#include <string.h>

#include "people.h"

/* The request as the server knows it; NULL: *code, message printed. */
static json_t *
find_request(const struct globals *g, const struct args *a, json_t **all, int *code)
{
	static const char *const lists[] = {"requests", "rests_on", NULL};
	Ectledger__V1__ApprovalsRequest request = ECTLEDGER__V1__APPROVALS_REQUEST__INIT;
	struct pager pager = {.method = "/ectledger.v1.Query/Approvals",
	    .request = &request.base,
	    .reply = &ectledger__v1__approvals_reply__descriptor,
	    .at = &request.at,
	    .from = &request.below,
	    .lists = lists};
	uint8_t jti[UUID_SIZE], wid[UUID_SIZE];

	*all = NULL;
	*code = EXIT_USAGE;
	if (!people_wid(a, wid, &request.wid, &request.no_wid) ||
	    !args_uuid(a->operands[0], jti, "a request"))
		return NULL;
	request.jti = (ProtobufCBinaryData){UUID_SIZE, jti};
	if ((*code = people_ask(g, &pager, all)) != 0)
		return NULL;
	return json_array_get(json_object_get(*all, "requests"), 0);
}

/* Would the decision be a step at all?  It could still be signed with "ectl sign", and would be flagged. */
static bool
is_step(const char *state, const char *decision)
{
	bool open = strcmp(state, "requested") == 0;

	if (strcmp(decision, "revoked") == 0)
		return strcmp(state, "approved") == 0;
	if (strcmp(decision, "approved") == 0 || strcmp(decision, "denied") == 0)
		return open || strcmp(state, "escalated") == 0;
	return open;
}

/* On standard error: what the signature will stand for. */
static void
show_request(const json_t *r, const char *decision)
{
	const json_t *one;
	size_t i;

	(void)fprintf(stderr, "%s: request %s of %s\n", decision, people_text(r, "jti"),
	    people_text(r, "iss"));
	(void)fprintf(stderr, "  rule %s, decided by %s, state %s\n", people_text(r, "rule"),
	    people_text(r, "role"), people_text(r, "state"));
	(void)fprintf(
	    stderr, "  what is to be shown has the hash %s\n", people_text(r, "inp_hash"));
	json_array_foreach(json_object_get(r, "about"), i, one)(void)
	    fprintf(stderr, "  about %s (%s) of %s\n", people_text(one, "jti"),
		people_text(one, "act"), people_text(one, "iss"));
}

static int
decide(const struct globals *g, const struct args *a, const char *decision)
{
	struct record record = {.act = "hitl_decision", .pred = a->operands, .pred_count = 1};
	char jti[UUID_TEXT_SIZE] = "";
	json_t *all = NULL, *r;
	const char *hash;
	int code;

	if ((r = find_request(g, a, &all, &code)) == NULL) {
		json_decref(all);
		return code != 0 ? code : fail(EXIT_NO, "there is no such request");
	}
	if (!is_step(people_text(r, "state"), decision)) {
		code = fail(EXIT_NO, "the request is %s: it cannot be %s any more",
		    people_text(r, "state"), decision);
		json_decref(all);
		return code;
	}
	show_request(r, decision);
	if (!people_agree(a, "Sign this?")) {
		json_decref(all);
		return fail(EXIT_NO, "nothing was signed");
	}
	record.wid = json_string_value(json_object_get(r, "wid"));
	record.ext = json_pack("{ss}", "decision", decision);
	hash = json_string_value(json_object_get(r, "inp_hash"));
	if (hash != NULL && strlen(hash) == 43) /* SHA-256 */
		(void)json_object_set_new(record.ext, "shown_hash", json_string(hash));
	code = people_record(g, a, &record, jti);
	json_decref(all);
	if (code == 0 && (r = find_request(g, a, &all, &code)) != NULL) {
		code = people_effect(json_object_get(r, "decisions"), jti);
		json_decref(all);
	}
	return code;
}

static int
approve_run(const struct globals *g, const struct args *a)
{
	return decide(g, a, "approved");
}

static int
deny_run(const struct globals *g, const struct args *a)
{
	return decide(g, a, "denied");
}

static int
decide_run(const struct globals *g, const struct args *a)
{
	static const char *const words[] = {
	    "approved", "denied", "escalated", "withdrawn", "revoked"};
	const char *word = args_get(a, "--decision");

	for (size_t i = 0; word != NULL && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return decide(g, a, word);
	return fail(EXIT_USAGE,
	    "decide wants --decision approved, denied, escalated, withdrawn or revoked");
}

#define OPTION_REQUEST_WID                                                                         \
	{                                                                                          \
		"--wid", "UUID", "the request's workflow, when its id is used in several", false   \
	}

static const struct verb_option approve_options[] = {
    OPTION_KEY,
    OPTION_REQUEST_WID,
    OPTION_REASON,
    OPTION_YES,
    {NULL, NULL, NULL, false},
};
static const struct verb_option decide_options[] = {
    {"--decision", "WORD", "approved, denied, escalated, withdrawn, revoked", false},
    OPTION_KEY,
    OPTION_REQUEST_WID,
    OPTION_REASON,
    OPTION_YES,
    {NULL, NULL, NULL, false},
};
const struct verb verb_approve = {"approve", "REQUEST",
    "approve what a request asks for: sign the decision and append it", approve_options, 1, 1,
    approve_run};
const struct verb verb_deny = {"deny", "REQUEST",
    "deny what a request asks for: sign the decision and append it", approve_options, 1, 1,
    deny_run};
const struct verb verb_decide = {"decide", "REQUEST",
    "escalate, withdraw or revoke: sign a decision about a request and append it", decide_options,
    1, 1, decide_run};
