/*
 * people.h - what the verbs for people share: pages of answers as one, and records signed by a person.
 */
#ifndef ECTL_PEOPLE_H
#define ECTL_PEOPLE_H

#include "call.h"

/* One page more?  Fill the request's cursor from the page. */
struct pager {
	const char *method;
	ProtobufCMessage *request;
	const ProtobufCMessageDescriptor *reply;
	uint64_t *at, *from; /* members of the request */
	uint32_t *limit;
	uint64_t most; /* items wanted; 0: all */
	const char *const
	    *lists; /* members of the answer that go on from page to page, ended by NULL */
};
/* All pages as one JSON object in '*out'; 0 or an exit code, message printed. */
int people_ask(const struct globals *g, const struct pager *pager, json_t **out);

/* --limit; false: EXIT_USAGE. */
bool people_limit(const struct args *a, uint64_t *most);
/* --wid UUID, or --wid none. */
bool people_wid(const struct args *a, uint8_t room[UUID_SIZE], ProtobufCBinaryData *wid,
    protobuf_c_boolean *no_wid);

/* Cells of tables. */
const char *people_text(const json_t *row, const char *name); /* "-" for none */
/* Flags stand in a table of their own, behind that of the records, where there are any. */
void people_notes_init(struct table *notes);
void people_flags(struct table *notes, const json_t *row);
int people_notes_print(struct table *notes, int code); /* 'code' unless printing fails */

/* A record of a person: --key, --reason and ext (which is released) make it; then it is appended. */
struct record {
	const char *act;
	const char *wid; /* NULL: none */
	const char *const *pred;
	size_t pred_count;
	json_t *ext;
};
/* The new record's id goes to 'jti' (UUID_TEXT_SIZE bytes). */
int people_record(
    const struct globals *g, const struct args *a, const struct record *record, char *jti);
/* What became of a record: its row in a list of the answer that was asked for again.  EXIT_NO, with the
 * rules that it breaks on standard error, when the log has it and it has no effect. */
int people_effect(const json_t *list, const char *jti);
/* On a terminal, unless --yes: "sign this?".  False: no. */
bool people_agree(const struct args *a, const char *what);

#define OPTION_KEY                                                                                 \
	{                                                                                          \
		"--key", "FILE", "the private JWK of who signs", false                             \
	}
#define OPTION_REASON                                                                              \
	{                                                                                          \
		"--reason", "TEXT", "why, for the record", false                                   \
	}
#define OPTION_YES                                                                                 \
	{                                                                                          \
		"--yes", NULL, "do not ask before signing", false                                  \
	}

#endif
