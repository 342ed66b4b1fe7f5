/*
 * checkpoint.c - the log's signed head: the C2SP note itself, or its parts as JSON.  Nothing is
 * verified here; that is "ectl verify".
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "call.h"
#include "seal/note.h"

/* "— name base64(id || signature)" lines -> [{name, id, signature}]. */
static json_t *
signatures_json(struct bytes lines)
{
	static const char dash[] = "\xe2\x80\x94 ";
	const char *p = (const char *)lines.p, *end = p + lines.n;
	json_t *list = json_array();

	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p)), *name = p + sizeof dash - 1,
			   *space;
		uint8_t raw[4096];
		size_t n = 0;

		stop = stop != NULL ? stop : end;
		space = name < stop ? memchr(name, ' ', (size_t)(stop - name)) : NULL;
		if (space != NULL && memcmp(p, dash, sizeof dash - 1) == 0 &&
		    b64_decode(
			bytes_of(space + 1, (size_t)(stop - space - 1)), raw, sizeof raw, &n) &&
		    n > 4)
			(void)json_array_append_new(
			    list, json_pack("{so so so}", "name",
				      json_stringn(name, (size_t)(space - name)), "id",
				      show_hex((ProtobufCBinaryData){4, raw}), "signature",
				      show_b64((ProtobufCBinaryData){n - 4, raw + 4})));
		p = stop + 1;
	}
	return list;
}

static json_t *
checkpoint_json(const Ectledger__V1__GetCheckpointReply *reply)
{
	struct bytes body = BYTES_NONE, signatures = BYTES_NONE;
	struct why why;

	if (note_split(bytes_of(reply->checkpoint.data, reply->checkpoint.len), &body, &signatures,
		&why) != RC_OK)
		signatures = BYTES_NONE;
	return json_pack("{so sI so so so}", "origin", show_text(reply->origin), "size",
	    (json_int_t)reply->size, "root", show_hex(reply->root), "signatures",
	    signatures_json(signatures), "note",
	    json_stringn((const char *)reply->checkpoint.data, reply->checkpoint.len));
}

static int
checkpoint_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__GetCheckpointRequest request = ECTLEDGER__V1__GET_CHECKPOINT_REQUEST__INIT;
	Ectledger__V1__GetCheckpointReply *reply = NULL;
	int code;

	(void)a;
	code = call_server(g, "/ectledger.v1.Ledger/GetCheckpoint", &request.base,
	    &ectledger__v1__get_checkpoint_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
	if (code == 0 && g->output_given && g->output != OUTPUT_TABLE)
		print_json(g, checkpoint_json(reply));
	else if (code == 0)
		(void)fwrite(reply->checkpoint.data, 1, reply->checkpoint.len, stdout);
	if (reply != NULL)
		ectledger__v1__get_checkpoint_reply__free_unpacked(reply, NULL);
	return code;
}

const struct verb verb_checkpoint = {"checkpoint", "",
    "the log's newest signed checkpoint, as the C2SP note (-o json: its parts)", NULL, 0, 0,
    checkpoint_run};
