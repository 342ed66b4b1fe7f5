/*
 * token_append.c - verbs that make a token of their own: signed, appended, its row printed.
 */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "token_append.h"

static void
keep_row(void *ctx, uint64_t number, json_t *row)
{
	(void)number;
	*(json_t **)ctx = json_incref(row);
}

static int
show_row(const struct globals *g, json_t *row)
{
	const char *status = json_string_value(json_object_get(row, "status"));
	const char *jti = json_string_value(json_object_get(row, "jti"));
	int code = status != NULL && strcmp(status, "accepted") == 0 ? EXIT_YES : EXIT_NO;

	if (g->output != OUTPUT_TABLE) {
		print_json(g, json_incref(row));
	} else if (code == EXIT_YES) {
		(void)printf("accepted  %s  %lld\n", jti,
		    (long long)json_integer_value(json_object_get(row, "index")));
	} else {
		const char *why = json_string_value(json_object_get(row, "message"));

		(void)printf("refused   %s: %s\n", json_string_value(json_object_get(row, "code")),
		    why != NULL ? why : "");
	}
	return code;
}

int
token_append(const struct globals *g, const struct buf *token)
{
	struct appender_options options = {0};
	struct appender_counts counts;
	struct appender *appender = NULL;
	json_t *row = NULL;
	int code;

	if ((code = appender_open(g, &options, &appender, keep_row, &row)) != 0)
		return code;
	if ((code = appender_send(appender, token->p, token->n)) == 0)
		code = appender_finish(appender, &counts);
	appender_free(appender);
	if (row != NULL)
		code = show_row(g, row);
	json_decref(row);
	return code;
}
