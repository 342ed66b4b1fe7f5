/*
 * import.c - recorded runs of agents and workflows, turned into tokens signed by one key per agent.
 *
 * The verb reads the whole file and signs every task before anything is sent: a malformed file
 * changes nothing but the keys folder. Ids are new at each import, so the same file imported twice
 * is two sets of workflows; --map writes down which is which.  (Not so with otlp: a trace has ids.)
 */
#include "import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/must.h"
#include "base/random.h"
#include "base/text.h"

#define ROWS_MAX (16 * 1024 * 1024)

static const struct verb_option import_options[] = {
    {"--keys", "DIR", "one private key per agent, made here when missing", false},
    {"--alg", "ES256|ES384|EdDSA", "algorithm of new keys; default: ES256", false},
    {"--domain", "NAME", "trust domain of the agents' names; default: example.com", false},
    {"--enroll", "TRUSTDIR",
	"write the public keys to agents.jwks.json in this folder of the server", false},
    {"--map", "FILE", "write which run or task became which workflow and ids", false},
    {"--shift-now", NULL, "wfcommons: keep the trace's times, shifted so that it ends now", false},
    {"--keep-times", NULL, "otlp: date tasks to their spans; the log must take old tokens", false},
    {"--no-labels", NULL, "agent-runs: the steps alone, nothing of who made the mistake", false},
    {"--dry-run", NULL, "read, sign and count; write and send nothing", false},
    {NULL, NULL, NULL, false},
};

void
import_hash(const void *p, size_t n, char out[IMPORT_HASH_SIZE])
{
	struct hash h;

	hash_of(bytes_of(p, n), &h);
	b64url_encode(bytes_of(h.b, sizeof h.b), out);
}

void
import_new_uuid(char out[IMPORT_JTI_SIZE])
{
	uint8_t id[UUID_SIZE];

	random_uuid_v4(id);
	uuid_text(id, out);
}

int
import_token(struct import *im, const struct private_key *k, const struct token_spec *spec,
    char jti[IMPORT_JTI_SIZE])
{
	struct import_row *rows;
	size_t room;

	must(im->row_count <= im->row_room);
	if (im->row_count == ROWS_MAX)
		return fail(
		    EXIT_USAGE, "more than %d tasks in one import; split the file", ROWS_MAX);
	if (im->row_count == im->row_room) {
		room = im->row_room == 0 ? 1024 : im->row_room * 2;
		if ((rows = reallocarray(im->rows, room, sizeof *rows)) == NULL)
			return fail(EXIT_USAGE, "out of memory after %zu tasks", im->row_count);
		im->rows = rows;
		im->row_room = room;
	}
	rows = &im->rows[im->row_count];
	if ((rows->token = token_sign(k, spec, jti)) == NULL)
		return EXIT_USAGE;
	rows->state = IMPORT_WAITING;
	im->row_count++;
	if (im->row_count % 256 == 0)
		progress(im->g, "signing", im->row_count, 0);
	return 0;
}

static int
write_map(const struct import *im, const char *path)
{
	char *text;
	bool ok;

	if (path == NULL || im->dry_run)
		return 0;
	if ((text = json_dumps(im->map, JSON_INDENT(1))) == NULL)
		return fail(EXIT_USAGE, "out of memory for the map");
	ok = write_file(path, text, strlen(text), 0644);
	free(text);
	return ok ? 0 : fail(EXIT_USAGE, "cannot write the map %s", path);
}

static void
print_counts(const struct import *im)
{
	json_t *o = json_pack("{sI sI sI sI sI sI sb}", "workflows", (json_int_t)im->workflows,
	    "tokens", (json_int_t)im->row_count, "accepted", (json_int_t)im->accepted, "refused",
	    (json_int_t)im->refused, "agents", (json_int_t)im->agent_count, "joins",
	    (json_int_t)im->joins, "dry_run", im->dry_run);

	if (im->report != NULL)
		(void)json_object_update(o, im->report);
	print_json(im->g, o);
}

static bool
options_read(struct import *im, const struct globals *g, const struct args *a)
{
	const char *domain = args_get(a, "--domain"), *alg = args_get(a, "--alg");

	im->g = g;
	im->keys = args_get(a, "--keys");
	im->enroll = args_get(a, "--enroll");
	im->domain = domain != NULL ? domain : "example.com";
	im->alg = alg != NULL ? alg : "ES256";
	im->dry_run = args_has(a, "--dry-run");
	im->shift_now = args_has(a, "--shift-now");
	im->keep_times = args_has(a, "--keep-times");
	im->no_labels = args_has(a, "--no-labels");
	if (im->keys == NULL && !im->dry_run)
		return false;
	/* SPIFFE ID 2.1: the characters of a trust domain. */
	if (im->domain[0] == '\0' || strlen(im->domain) > 255 ||
	    im->domain[strspn(im->domain, "abcdefghijklmnopqrstuvwxyz0123456789.-_")] != '\0') {
		fail(EXIT_USAGE,
		    "--domain is lower-case letters, digits, dots, dashes and underscores");
		return false;
	}
	return true;
}

static int
import_run(const struct globals *g, const struct args *a)
{
	struct import im = {0};
	const char *format = a->operands[0], *path = a->operands[1];
	int rc = EXIT_USAGE;

	if (!options_read(&im, g, a))
		return fail(EXIT_USAGE, "import needs --keys DIR (or --dry-run)");
	if (im.keys != NULL && !im.dry_run && mkdir(im.keys, 0700) != 0 && errno != EEXIST)
		return fail(EXIT_USAGE, "cannot make the folder %s: %s", im.keys, strerror(errno));
	if ((im.map = json_array()) == NULL)
		return fail(EXIT_USAGE, "out of memory");
	if (strcmp(format, "agent-runs") == 0)
		rc = import_agent_runs(&im, path);
	else if (strcmp(format, "wfcommons") == 0)
		rc = import_wfcommons(&im, path);
	else if (strcmp(format, "otlp") == 0)
		rc = import_otlp(&im, path);
	else
		rc =
		    fail(EXIT_USAGE, "import reads agent-runs, wfcommons and otlp, not %s", format);
	progress_end(g);
	if (rc == 0 && !im.dry_run)
		rc = import_send(&im);
	if (rc == 0)
		rc = write_map(&im, args_get(a, "--map"));
	if (rc == 0) {
		print_counts(&im);
		rc = im.refused == 0 && im.bad == 0 ? EXIT_YES : EXIT_NO;
	}
	for (size_t i = 0; i < im.row_count; i++)
		free(im.rows[i].token);
	free(im.rows);
	import_identities_free(&im);
	json_decref(im.map);
	json_decref(im.report);
	return rc;
}

const struct verb verb_import = {"import", "agent-runs|wfcommons|otlp FILE",
    "sign and append a recorded run, one key per agent", import_options, 2, 2, import_run};
