/*
 * watch.c - "ectl watch": entries as they are committed, a line each, until interrupted.
 *
 * The client library keeps the place: a lost connection is made again and nothing is missing or
 * printed twice.  An interrupt ends the watch between two pages, so that no line is half.
 */
#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"

#define RETRIES_DEFAULT 1000 /* of a lost connection, in a row: above an hour */

static int wake[2] = {-1, -1}; /* the signal handler's only way to be heard */

static void
on_signal(int number)
{
	int saved = errno;

	(void)number;
	(void)!write(wake[1], "", 1);
	errno = saved;
}

static bool
catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	return sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0;
}

static int
print_page(const struct globals *g, const uint8_t *page, size_t size, bool whole)
{
	Ectledger__V1__WatchReply *reply = ectledger__v1__watch_reply__unpack(NULL, size, page);
	char cells[ENTRY_COLUMNS][320];
	const char *line[ENTRY_COLUMNS];
	int code = 0;

	if (reply == NULL)
		return fail(EXIT_UNREACHABLE, "the server's page cannot be read");
	for (size_t i = 0; i < reply->n_entries && code == 0; i++) {
		json_t *row = entry_row(reply->entries[i], reply->tree_size, whole);

		if (row == NULL) {
			code = fail(EXIT_UNREACHABLE, "out of memory for a row");
		} else if (g->output != OUTPUT_TABLE) {
			code = row_line(row);
		} else {
			entry_cells(row, cells);
			for (size_t k = 0; k < ENTRY_COLUMNS; k++)
				line[k] = cells[k];
			print_table(line, ENTRY_COLUMNS, 1);
			json_decref(row);
		}
	}
	ectledger__v1__watch_reply__free_unpacked(reply, NULL);
	if (code == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		code = fail(EXIT_USAGE, "cannot write to standard output");
	return code;
}

/* Where the log ends now. */
static int
size_now(struct ect_client *client, uint64_t *size)
{
	Ectledger__V1__GetCheckpointRequest request = ECTLEDGER__V1__GET_CHECKPOINT_REQUEST__INIT;
	Ectledger__V1__GetCheckpointReply *reply = NULL;
	int code = call_on(client, "/ectledger.v1.Ledger/GetCheckpoint", &request.base,
	    &ectledger__v1__get_checkpoint_reply__descriptor, (ProtobufCMessage **)(void *)&reply);

	if (code != 0)
		return code;
	*size = reply->size;
	ectledger__v1__get_checkpoint_reply__free_unpacked(reply, NULL);
	return 0;
}

static int
follow(const struct globals *g, struct ect_client *client, uint64_t from, const struct filter *f)
{
	uint8_t *packed = malloc(ectledger__v1__search_request__get_packed_size(&f->request) + 1);
	struct ect_watch *watch = NULL;
	struct ect_status status;
	const uint8_t *page;
	int code = 0, r;
	size_t size;

	if (packed == NULL)
		return fail(EXIT_UNREACHABLE, "out of memory");
	size = ectledger__v1__search_request__pack(&f->request, packed);
	if (ect_watch_open(client, from, packed, size, &watch, &status) != 0)
		code = fail_status(&status);
	while (code == 0) {
		r = ect_watch_next(watch, wake[0], -1, &page, &size, &status);
		if (r < 0)
			code = fail_status(&status);
		else if (r == 0)
			break; /* a signal */
		else
			code = print_page(g, page, size, !f->request.brief);
	}
	ect_watch_free(watch);
	free(packed);
	return code;
}

static int
watch_run(const struct globals *g, const struct args *a)
{
	struct globals mine = *g;
	struct ect_client *client = NULL;
	struct filter filter;
	uint64_t from = 0;
	int code;

	if ((code = filter_read(a, &filter)) != 0)
		return code;
	if (!args_u64(a, "--from", &from))
		return EXIT_USAGE;
	if (!catch_signals())
		return fail(EXIT_USAGE, "cannot watch for signals: %s", strerror(errno));
	mine.retries = g->retries != 0 ? g->retries : RETRIES_DEFAULT;
	if ((code = connect_server(&mine, &client)) != 0)
		return code;
	if (!args_has(a, "--from"))
		code = size_now(client, &from);
	if (code == 0)
		code = follow(g, client, from, &filter);
	ect_client_close(client);
	return code;
}

static const struct verb_option watch_options[] = {
    {"--from", "N", "from this index on (default: what is committed from now on)", false},
    FILTER_OPTIONS,
    {"--full", NULL, "with token and credential", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_watch = {"watch", "",
    "entries as they are committed, a line each, until interrupted; a lost connection is made "
    "again "
    "without gap or repeat",
    watch_options, 0, 0, watch_run};
