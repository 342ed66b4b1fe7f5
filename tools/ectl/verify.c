/*
 * verify.c - "ectl verify": offline, no server; one report a file.
 *
 * All work is ect_verify_file()'s; here are files in and JSON out.  One "no" makes the whole answer
 * no (exit 1).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "call.h"
#include "ectledger/verify.h"
#include "base/text.h"
#include "seal/receipt.h"

/* Above every form's own limit, so that those give the reason. */
#define FILE_MAX ((size_t)1 << 20)
#define VKEY_MAX 1024

struct held {
	uint8_t *p;
	size_t n;
};

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* --vkey: the key itself, or a file that holds it on a line.  NULL: message printed. */
static char *
vkey_read(const char *text)
{
	struct why why = {0};
	struct vkey key;
	uint8_t *p = NULL;
	size_t n = 0;

	if (vkey_parse(bytes_str(text), &key, &why) == RC_OK)
		return strdup(text);
	if (access(text, R_OK) != 0) {
		(void)fail(
		    EXIT_USAGE, "--vkey is neither a verifier key (%s) nor a file", why.text);
		return NULL;
	}
	if (!read_file(text, VKEY_MAX, &p, &n))
		return NULL;
	while (n > 0 && is_space(p[n - 1]))
		p[--n] = '\0';
	return (char *)p;
}

/* --token: a JWS comes as a line, and its line end is not signed. */
static bool
token_read(const char *path, struct held *out)
{
	if (path == NULL)
		return true;
	if (!read_file(path, FILE_MAX, &out->p, &out->n))
		return false;
	if (out->n > 0 && out->p[0] < 0x80)
		while (out->n > 0 && is_space(out->p[out->n - 1]))
			out->n--;
	return true;
}

/* --entry: the raw bytes, or a JSON receipt that carries them. */
static bool
entry_read(const char *path, struct held *out)
{
	struct receipt receipt;
	struct arena arena;
	bool ok = true;

	if (path == NULL)
		return true;
	if (!read_file(path, FILE_MAX, &out->p, &out->n))
		return false;
	if (receipt_sniff(bytes_of(out->p, out->n)) != RECEIPT_JSON)
		return true;
	arena_init(&arena, (size_t)4 << 20);
	if (receipt_read_json(bytes_of(out->p, out->n), &arena, &receipt, NULL) != RC_OK ||
	    receipt.entry.n == 0) {
		(void)fail(EXIT_USAGE, "%s is JSON without an \"entry\"", path);
		ok = false;
	} else {
		must(receipt.entry.n <= out->n); /* base64 is longer than what it stands for */
		memcpy(out->p, receipt.entry.p, receipt.entry.n);
		out->n = receipt.entry.n;
	}
	arena_release(&arena);
	return ok;
}

/* Built by hand rather than packed: a file name need not be UTF-8, and a report must not get lost
 * for that. */
static json_t *
report_json(const char *path, const struct ect_verify_report *r)
{
	json_t *checks = json_array(), *row = json_object();
	size_t i;

	for (i = 0; i < ECT_VERIFY_CHECKS; i++)
		json_array_append_new(checks,
		    json_pack("{s:s,s:s,s:s}", "check", r->check[i].check, "result",
			ect_verify_result_text(r->check[i].result), "detail", r->check[i].detail));
	json_object_set_new(row, "verdict", json_string(r->ok ? "ok" : "failed"));
	json_object_set_new(row, "form", json_string(ect_verify_form_text(r->form)));
	if (utf8_ok(bytes_str(path)))
		json_object_set_new(row, "file", json_string(path));
	json_object_set_new(row, "checks", checks);
	if (r->has_index && r->index <= INT64_MAX)
		json_object_set_new(row, "index", json_integer((json_int_t)r->index));
	if (r->has_tree_size && r->tree_size <= INT64_MAX)
		json_object_set_new(row, "tree_size", json_integer((json_int_t)r->tree_size));
	if (json_array_size(checks) == ECT_VERIFY_CHECKS && json_object_get(row, "verdict") != NULL)
		return row;
	json_decref(row);
	return NULL;
}

static int
report_table(const char *path, const struct ect_verify_report *r)
{
	struct table t;
	size_t i;

	(void)printf("%s: %s (%s)\n", path, r->ok ? "ok" : "FAILED", ect_verify_form_text(r->form));
	table_init(&t, 3);
	table_add(&t, "check");
	table_add(&t, "result");
	table_add(&t, "detail");
	for (i = 0; i < ECT_VERIFY_CHECKS; i++) {
		table_add(&t, r->check[i].check);
		table_add(&t, ect_verify_result_text(r->check[i].result));
		table_add(&t, r->check[i].detail);
	}
	return table_print(&t);
}

/* Bundles are for a later version; until then they are recognised and refused, never half verified. */
static bool
is_bundle(const char *path)
{
	static const char suffix[] = ".ectbundle";
	size_t n = strlen(path), m = sizeof(suffix) - 1;

	return n > m && strcmp(path + n - m, suffix) == 0;
}

/* EXIT_YES, EXIT_NO or another exit code with its message printed. */
static int
verify_one(const char *path, const char *vkey, const struct held *token, const struct held *entry,
    struct ect_verify_report *report)
{
	struct held file = {NULL, 0};
	int outcome;

	if (is_bundle(path)) {
		struct ect_verify_bytes none = {NULL, 0};

		(void)ect_verify_file(none, vkey, none, none, report);
		(void)snprintf(report->check[ECT_VERIFY_FORM].detail,
		    sizeof(report->check[0].detail), "bundles are not supported by this version");
		return EXIT_NO;
	}
	if (!read_file(path, FILE_MAX, &file.p, &file.n))
		return EXIT_USAGE;
	outcome = ect_verify_file((struct ect_verify_bytes){file.p, file.n}, vkey,
	    (struct ect_verify_bytes){token->p, token->n},
	    (struct ect_verify_bytes){entry->p, entry->n}, report);
	free(file.p);
	if (outcome == ECT_VERIFY_BAD_KEY)
		return fail(EXIT_USAGE, "%s", report->check[ECT_VERIFY_FORM].detail);
	if (outcome == ECT_VERIFY_NO_MEMORY)
		return fail(EXIT_USAGE, "out of memory verifying %s", path);
	return outcome == ECT_VERIFY_YES ? EXIT_YES : EXIT_NO;
}

static int
verify_files(const struct globals *g, const struct args *a, const char *vkey,
    const struct held *token, const struct held *entry)
{
	json_t *rows = json_array();
	struct ect_verify_report report;
	int code = EXIT_YES, one;
	size_t i;

	for (i = 0; i < a->operand_count; i++) {
		one = verify_one(a->operands[i], vkey, token, entry, &report);
		if (one != EXIT_YES && one != EXIT_NO) {
			json_decref(rows);
			return one;
		}
		code = code == EXIT_YES ? one : code;
		if (g->output == OUTPUT_TABLE)
			(void)report_table(a->operands[i], &report);
		else if (g->output == OUTPUT_NDJSON || a->operand_count == 1)
			print_json(g, report_json(a->operands[i], &report));
		else if (json_array_append_new(rows, report_json(a->operands[i], &report)) != 0)
			code = fail(EXIT_USAGE, "out of memory for the answer");
	}
	if (json_array_size(rows) > 0)
		print_json(g, json_incref(rows));
	json_decref(rows);
	return code;
}

static int
verify_run(const struct globals *g, const struct args *a)
{
	struct held token = {NULL, 0}, entry = {NULL, 0};
	char *vkey = NULL;
	int code = EXIT_USAGE;

	if (!args_has(a, "--vkey"))
		return fail(EXIT_USAGE, "verify wants the log's verifier key: --vkey VKEY "
					"(ectledgerd init printed it)");
	if ((vkey = vkey_read(args_get(a, "--vkey"))) == NULL)
		goto out;
	if (!token_read(args_get(a, "--token"), &token) ||
	    !entry_read(args_get(a, "--entry"), &entry))
		goto out;
	code = verify_files(g, a, vkey, &token, &entry);
out:
	free(vkey);
	free(token.p);
	free(entry.p);
	return code;
}

static const struct verb_option verify_options[] = {
    {"--vkey", "VKEY", "the log's verifier key, or a file that holds it", false},
    {"--token", "FILE", "the token that the entry must hold", false},
    {"--entry", "FILE",
	"the entry (raw, or a JSON receipt that carries it), for receipts that do not", false},
    {NULL, NULL, NULL, false},
};

const struct verb verb_verify = {"verify", "FILE...",
    "verify receipts and checkpoints offline, and say what was not proven", verify_options, 1,
    SIZE_MAX, verify_run};
