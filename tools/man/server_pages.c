/*
 * server_pages.c - ectledgerd(8) and ledger.conf(5) from the server's own table of options.
 *
 * Run when the project is built: ectledger-man FOLDER.  Defaults are those of the file that "init"
 * writes, so that a page cannot say anything else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "option.h"
#include "tools/ectl/roff.h"

#define ORIGIN "NAME"

static const char *
value_name(const struct option *o)
{
	switch (o->kind) {
	case OPTION_PATH:
		return "FILE";
	case OPTION_SWITCH:
		return "yes|no";
	case OPTION_COUNT:
		return "N";
	case OPTION_BYTES:
		return "SIZE";
	case OPTION_MS:
	case OPTION_SECONDS:
		return "TIME";
	case OPTION_LEVEL:
		return "L1|L2|L3";
	case OPTION_GRANT:
		return "URI,...";
	case OPTION_TEXT:
	default:
		return "TEXT";
	}
}

/* What the default file says behind "#NAME = "; empty: nothing. */
static void
default_of(const char *file, const struct option *o, char *out, size_t size)
{
	char line[64];
	const char *at;

	(void)snprintf(line, sizeof line, "\n#%s = ", o->name);
	at = strstr(file, line);
	out[0] = '\0';
	if (at == NULL)
		return;
	at += strlen(line);
	(void)snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
}

static void
put_options(FILE *to, const char *file, bool per_log, bool flags)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *o = &option_table[i];
		char text[512], value[128], name[64];

		if (o->per_log != per_log)
			continue;
		default_of(file, o, value, sizeof value);
		(void)snprintf(text, sizeof text, "%s.%s%s%s%s", o->text,
		    value[0] != '\0' ? " Default: " : "", value, value[0] != '\0' ? "." : "",
		    o->live ? " Taken over on SIGHUP." : "");
		(void)snprintf(name, sizeof name, "%s%s", flags ? "--" : "", o->name);
		for (char *p = name; flags && *p != '\0'; p++)
			*p = *p == '_' ? '-' : *p;
		roff_item(to, name, value_name(o), text);
	}
}

static void
put_server(FILE *to, const char *file)
{
	static const char *const see[] = {"ectl(1)", "ledger.conf(5)", NULL};

	roff_head(to, "ectledgerd", 8, ECT_DATE, ECT_VERSION);
	roff_name(to, "ectledgerd", "an append-only ledger of agents' tasks");
	roff_section(to, "SYNOPSIS");
	(void)fputs(".B ectledgerd init\n.I DIR\n[\\-\\-origin NAME] [\\-\\-log NAME]\n.br\n"
		    ".B ectledgerd run\n.I DIR\n[options]\n.br\n"
		    ".B ectledgerd check\\-config\n.I DIR\n[options]\n.br\n"
		    ".B ectledgerd \\-\\-version\n",
	    to);
	roff_section(to, "DESCRIPTION");
	roff_text(to, "Takes signed records of what agents did, checks each one, and keeps it in a "
		      "Merkle log "
		      "that nobody can rewrite unnoticed.\n"
		      "init makes a data folder: ledger.conf, the log's signing key, an empty "
		      "trust folder; with "
		      "--log one more log in it. It prints the log's verifier key. run serves a "
		      "folder in the "
		      "foreground. check-config reads everything and starts nothing.");
	roff_section(to, "OPTIONS");
	roff_text(to,
	    "Each option is also a line of ledger.conf and a variable ECTLEDGER_NAME in the "
	    "environment; a flag wins over the environment, which wins over the file. Those of a "
	    "log "
	    "set the log \"default\".");
	put_options(to, file, false, true);
	put_options(to, file, true, true);
	roff_section(to, "SIGNALS");
	roff_item(to, "TERM, INT", NULL,
	    "Drains: no new calls, what is in flight is finished within drain_ms; exit 0.");
	roff_item(to, "HUP", NULL,
	    "Reads everything again and takes over what can be changed while it runs.");
	roff_section(to, "EXIT STATUS");
	roff_item(to, "0", NULL, "Drained, or done.");
	roff_item(to, "1", NULL, "It cannot start; standard error says why.");
	roff_item(to, "2", NULL, "Usage.");
	roff_item(to, "75", NULL,
	    "A log stopped because a commit's outcome was in doubt: start again, and it is "
	    "verified "
	    "and rolled forward.");
	roff_section(to, "FILES");
	roff_item(to, "DIR/ledger.conf", NULL, "Configuration.");
	roff_item(to, "DIR/trust/DOMAIN/", NULL,
	    "What is trusted in a domain: *.jwks.json, *.pem, *.crl.pem.");
	roff_item(to, "DIR/logs/NAME/", NULL,
	    "A log: key.pem (its signing key), vkey (its verifier key), log, index and journal.");
	roff_see_also(to, see);
}

static void
put_conf(FILE *to, const char *file)
{
	static const char *const see[] = {"ectledgerd(8)", NULL};

	roff_head(to, "ledger.conf", 5, ECT_DATE, ECT_VERSION);
	roff_name(to, "ledger.conf", "configuration of an ectledger");
	roff_section(to, "DESCRIPTION");
	roff_text(to, "Lines \"key = value\". A line that begins with # is a comment; there are no "
		      "others. \"[log "
		      "NAME]\" begins the keys of one more log, \"[server]\" goes back; before any "
		      "section a log's "
		      "keys are those of the log \"default\".\n"
		      "Sizes take KiB, MiB, GiB; times ms, s, m, h (age_max_s: s, m, h, d). "
		      "Relative paths are "
		      "relative to the data folder.");
	roff_section(to, "SERVER");
	put_options(to, file, false, false);
	roff_section(to, "EACH LOG");
	put_options(to, file, true, false);
	roff_section(to, "EXAMPLES");
	roff_example(to, true, "A server on the network, with agents, auditors and an operator.",
	    "listen = 0.0.0.0:7400\n"
	    "tls_cert = tls/server.pem\n"
	    "tls_key = tls/server.key\n"
	    "tls_client_ca = tls/clients.pem\n"
	    "origin = ledger.example.com/audit\n"
	    "write = spiffe://example.com/agent/*\n"
	    "read = spiffe://example.com/agent/*, spiffe://example.com/auditor\n"
	    "admin = spiffe://example.com/operator");
	roff_see_also(to, see);
}

static int
write_page(
    const char *folder, const char *name, const char *file, void (*put)(FILE *to, const char *file))
{
	char path[4096];
	FILE *to;
	int bad;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	if ((to = fopen(path, "w")) == NULL) {
		perror(path);
		return 1;
	}
	put(to, file);
	bad = ferror(to);
	return fclose(to) != 0 || bad;
}

int
main(int argc, char **argv)
{
	struct buf file;
	int bad;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: ectledger-man FOLDER\n");
		return 2;
	}
	buf_init(&file, 0);
	if (config_write_default(&file, ORIGIN) != RC_OK)
		return 1;
	buf_add(&file, "", 1);
	bad = write_page(argv[1], "ectledgerd.8", (const char *)file.p, put_server) ||
	      write_page(argv[1], "ledger.conf.5", (const char *)file.p, put_conf);
	buf_release(&file);
	return bad;
}
