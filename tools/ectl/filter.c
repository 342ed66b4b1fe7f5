/*
 * filter.c - the command line's filter as the wire has it.
 */
#include "filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *
text_of(const struct args *a, const char *name)
{
	const char *text = args_get(a, name);

	return (char *)(uintptr_t)(text != NULL ? text : "");
}

int
filter_read(const struct args *a, struct filter *f)
{
	const char *wid = args_get(a, "--wid");

	ectledger__v1__search_request__init(&f->request);
	f->request.iss = text_of(a, "--iss");
	f->request.act = text_of(a, "--act");
	f->request.kind = text_of(a, "--kind");
	f->request.brief = !args_has(a, "--full");
	f->request.no_wid = wid != NULL && strcmp(wid, "none") == 0;
	if (wid != NULL && !f->request.no_wid) {
		if (!args_uuid(wid, f->wid, "--wid"))
			return EXIT_USAGE;
		f->request.wid = (ProtobufCBinaryData){UUID_SIZE, f->wid};
	}
	return 0;
}

int
row_line(json_t *row)
{
	char *text = json_dumps(row, JSON_COMPACT);

	json_decref(row);
	if (text == NULL)
		return fail(EXIT_UNREACHABLE, "out of memory for a row");
	(void)puts(text);
	free(text);
	return 0;
}
