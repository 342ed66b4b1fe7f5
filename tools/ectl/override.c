/*
 * override.c - "ectl override", "release", "ack": a command that outranks agents, its end, and an
 * agent's answer, signed and appended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "people.h"

#define TARGETS_MAX 90 /* predecessors and extension both have room for them */

/* ---- what it is about ---- */

static json_t *
search_first(const struct globals *g, const char *iss, const uint8_t *wid, int *code)
{
	Ectledger__V1__SearchRequest request = ECTLEDGER__V1__SEARCH_REQUEST__INIT;
	Ectledger__V1__SearchReply *reply = NULL;
	json_t *found = NULL;

	request.limit = 1;
	request.brief = true;
	if (iss != NULL)
		request.iss = (char *)(uintptr_t)iss;
	if (wid != NULL)
		request.wid = (ProtobufCBinaryData){UUID_SIZE, (uint8_t *)(uintptr_t)wid};
	*code = call_server(g, "/ectledger.v1.Query/Search", &request.base,
	    &ectledger__v1__search_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
	if (*code == 0 && reply->n_entries > 0)
		found = json_pack("{so so}", "jti", show_uuid(reply->entries[0]->jti), "wid",
		    show_uuid(reply->entries[0]->wid));
	if (reply != NULL)
		ectledger__v1__search_reply__free_unpacked(reply, NULL);
	if (*code == 0 && found == NULL)
		*code = fail(EXIT_NO, "the log has no task of that %s",
		    iss != NULL ? "agent there" : "workflow");
	return found;
}

static json_t *
get_task(const struct globals *g, const char *text, int *code)
{
	Ectledger__V1__GetEntryRequest request = ECTLEDGER__V1__GET_ENTRY_REQUEST__INIT;
	Ectledger__V1__GetEntryReply *reply = NULL;
	uint8_t jti[UUID_SIZE];
	json_t *found = NULL;

	*code = EXIT_USAGE;
	if (!args_uuid(text, jti, "a task"))
		return NULL;
	request.jti = (ProtobufCBinaryData){UUID_SIZE, jti};
	request.any_wid = true;
	*code = call_server(g, "/ectledger.v1.Ledger/GetEntry", &request.base,
	    &ectledger__v1__get_entry_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
	if (*code == 0 && reply->entry != NULL)
		found = json_pack("{so so}", "jti", show_uuid(reply->entry->jti), "wid",
		    show_uuid(reply->entry->wid));
	if (reply != NULL)
		ectledger__v1__get_entry_reply__free_unpacked(reply, NULL);
	return found;
}

/* The task that the override rests on: the first named, or the first of the workflow or agent. */
static json_t *
find_ground(const struct globals *g, const struct args *a, int *code)
{
	const char *workflow = args_get(a, "--wid"), *agent = args_get(a, "--agent");
	uint8_t wid[UUID_SIZE];

	*code = EXIT_USAGE;
	if (workflow != NULL && !args_uuid(workflow, wid, "--wid"))
		return NULL;
	if (a->operand_count > 0)
		return get_task(g, a->operands[0], code);
	return search_first(g, agent, workflow != NULL ? wid : NULL, code);
}

static const char *
scope_of(const struct args *a)
{
	const char *scope = args_get(a, "--scope");

	if (scope != NULL)
		return scope;
	return a->operand_count == 0 ? "workflow" : "subgraph";
}

static json_t *
targets_of(const struct args *a)
{
	json_t *list = json_array();
	const char *agent;

	for (size_t i = 0; i < a->operand_count; i++)
		(void)json_array_append_new(list, json_string(a->operands[i]));
	for (size_t i = 0; (agent = args_nth(a, "--agent", i)) != NULL; i++)
		(void)json_array_append_new(list, json_string(agent));
	return list;
}

/* "+2h": from now on; else as time_read(). */
static bool
read_ack_by(const char *text, int64_t *s)
{
	int64_t now_ms = (int64_t)time(NULL) * 1000, ms;

	if (!time_read(text[0] == '+' ? text + 1 : text, "--ack-by", &ms))
		return false;
	*s = (text[0] == '+' ? 2 * now_ms - ms : ms) / 1000;
	return true;
}

static bool
one_of(const char *word, const char *const *words, const char *what)
{
	for (size_t i = 0; word != NULL && words[i] != NULL; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	(void)fail(EXIT_USAGE, "%s", what);
	return false;
}

static bool
check(const struct args *a)
{
	static const char *const levels[] = {
	    "pause", "constrain", "stop", "takeover", "advisory", "mandatory", "emergency", NULL};
	static const char *const scopes[] = {"node", "subgraph", "workflow", NULL};
	uint8_t id[UUID_SIZE];

	if (!one_of(args_get(a, "--level"), levels,
		"override wants --level pause, constrain, stop or takeover; or advisory, "
		"mandatory or emergency") ||
	    !one_of(scope_of(a), scopes, "--scope is node, subgraph or workflow"))
		return false;
	if (a->operand_count == 0 && !args_has(a, "--wid") && !args_has(a, "--agent")) {
		(void)fail(EXIT_USAGE, "override wants tasks, --wid UUID or --agent URI");
		return false;
	}
	for (size_t i = 0; i < a->operand_count; i++)
		if (!args_uuid(a->operands[i], id, "a task"))
			return false;
	return true;
}

/* ---- an override ---- */

static json_t *
find_override(
    const struct globals *g, const struct args *a, const char *id, json_t **all, int *code)
{
	static const char *const lists[] = {"overrides", "rests_on", NULL};
	Ectledger__V1__OverridesRequest request = ECTLEDGER__V1__OVERRIDES_REQUEST__INIT;
	struct pager pager = {.method = "/ectledger.v1.Query/Overrides",
	    .request = &request.base,
	    .reply = &ectledger__v1__overrides_reply__descriptor,
	    .at = &request.at,
	    .from = &request.below,
	    .lists = lists};
	uint8_t jti[UUID_SIZE], wid[UUID_SIZE];

	*all = NULL;
	*code = EXIT_USAGE;
	if (!people_wid(a, wid, &request.wid, &request.no_wid) ||
	    !args_uuid(id, jti, "an override"))
		return NULL;
	request.jti = (ProtobufCBinaryData){UUID_SIZE, jti};
	if ((*code = people_ask(g, &pager, all)) != 0)
		return NULL;
	return json_array_get(json_object_get(*all, "overrides"), 0);
}

static int
override_run(const struct globals *g, const struct args *a)
{
	struct record record = {.act = "override"};
	const char *ground[TARGETS_MAX];
	char jti[UUID_TEXT_SIZE] = "";
	json_t *first = NULL, *all = NULL;
	int64_t ack_by;
	int code;

	if (!check(a))
		return EXIT_USAGE;
	if ((first = find_ground(g, a, &code)) == NULL)
		return code;
	record.ext = json_pack("{ss ss}", "level", args_get(a, "--level"), "scope", scope_of(a));
	if (a->operand_count > 0 || args_has(a, "--agent"))
		(void)json_object_set_new(record.ext, "targets", targets_of(a));
	if (args_has(a, "--ack-by")) {
		if (!read_ack_by(args_get(a, "--ack-by"), &ack_by)) {
			json_decref(record.ext);
			json_decref(first);
			return EXIT_USAGE;
		}
		(void)json_object_set_new(record.ext, "ack_by", json_integer(ack_by));
	}
	for (size_t i = 0; i < a->operand_count; i++)
		ground[i] = a->operands[i];
	if (a->operand_count == 0)
		ground[0] = json_string_value(json_object_get(first, "jti"));
	record.pred = ground;
	record.pred_count = a->operand_count == 0 ? 1 : a->operand_count;
	record.wid = a->operand_count > 0 ? json_string_value(json_object_get(first, "wid"))
					  : args_get(a, "--wid");
	(void)fprintf(stderr, "override: %s, scope %s\n", args_get(a, "--level"), scope_of(a));
	if (people_agree(a, "Sign this?")) {
		code = people_record(g, a, &record, jti);
	} else {
		json_decref(record.ext);
		code = fail(EXIT_NO, "nothing was signed");
	}
	json_decref(first);
	if (code == 0 && find_override(g, a, jti, &all, &code) != NULL) {
		code = people_effect(json_object_get(all, "overrides"), jti);
		json_decref(all);
	}
	return code;
}

/* ---- what rests on an override ---- */

static int
reply_to(const struct globals *g, const struct args *a, const char *act, json_t *ext)
{
	struct record record = {.act = act, .pred = a->operands, .pred_count = 1, .ext = ext};
	char jti[UUID_TEXT_SIZE] = "";
	json_t *all = NULL, *o;
	int code;

	if ((o = find_override(g, a, a->operands[0], &all, &code)) == NULL) {
		json_decref(ext);
		json_decref(all);
		return code != 0 ? code : fail(EXIT_NO, "there is no such override");
	}
	record.wid = json_string_value(json_object_get(o, "wid"));
	(void)fprintf(stderr, "%s: %s of %s, scope %s, state %s\n", act, people_text(o, "level"),
	    people_text(o, "iss"), people_text(o, "scope"), people_text(o, "state"));
	if (people_agree(a, "Sign this?")) {
		code = people_record(g, a, &record, jti);
	} else {
		json_decref(ext);
		code = fail(EXIT_NO, "nothing was signed");
	}
	json_decref(all);
	if (code == 0 && (o = find_override(g, a, a->operands[0], &all, &code)) != NULL) {
		code = people_effect(json_object_get(o, "replies"), jti);
		json_decref(all);
	}
	return code;
}

static int
release_run(const struct globals *g, const struct args *a)
{
	return reply_to(g, a, "override_release", json_object());
}

static int
ack_run(const struct globals *g, const struct args *a)
{
	static const char *const words[] = {"received", "complied", "refused", "unable", NULL};
	const char *status = args_get(a, "--status");
	uint64_t at = (uint64_t)time(NULL);
	json_t *ext;

	if (!one_of(status, words, "ack wants --status received, complied, refused or unable") ||
	    !args_u64(a, "--effective-at", &at))
		return EXIT_USAGE;
	ext = json_pack("{ss}", "status", status);
	if (args_has(a, "--effective-at") || strcmp(status, "complied") == 0)
		(void)json_object_set_new(ext, "effective_at", json_integer((json_int_t)at));
	return reply_to(g, a, "override_ack", ext);
}

#define OPTION_OVERRIDE_WID                                                                        \
	{                                                                                          \
		"--wid", "UUID", "the override's workflow, when its id is used in several", false  \
	}

static const struct verb_option override_options[] = {
    {"--level", "LEVEL", "pause, constrain, stop, takeover; or advisory, mandatory, emergency",
	false},
    {"--scope", "SCOPE",
	"node, subgraph or workflow; default: subgraph of tasks, workflow without them", false},
    {"--wid", "UUID", "without tasks: this whole workflow, or the agents' work in it", false},
    {"--agent", "URI", "the work of this agent", true},
    {"--ack-by", "TIME", "answers are owed until then; \"+10m\": from now", false},
    OPTION_KEY,
    OPTION_REASON,
    OPTION_YES,
    {NULL, NULL, NULL, false},
};
static const struct verb_option release_options[] = {
    OPTION_KEY,
    OPTION_OVERRIDE_WID,
    OPTION_REASON,
    OPTION_YES,
    {NULL, NULL, NULL, false},
};
static const struct verb_option ack_options[] = {
    {"--status", "STATUS", "received, complied, refused, unable", false},
    {"--effective-at", "TIME", "since when, in seconds since 1970; default for complied: now",
	false},
    OPTION_KEY,
    OPTION_OVERRIDE_WID,
    OPTION_YES,
    {NULL, NULL, NULL, false},
};
const struct verb verb_override = {"override", "[TASK...]",
    "order agents to pause, to stop or to hand over: sign the override and append it",
    override_options, 0, TARGETS_MAX, override_run};
const struct verb verb_release = {"release", "OVERRIDE",
    "end an override: sign the release and append it", release_options, 1, 1, release_run};
const struct verb verb_ack = {"ack", "OVERRIDE",
    "answer an override: sign the acknowledgment and append it", ack_options, 1, 1, ack_run};
