/*
 * receipt.c - a receipt for an entry that is in the log already, in one of three dialects.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "seal/receipt.h"

static int
write_out(const char *path, const void *p, size_t n, bool binary)
{
	if (path != NULL)
		return write_file(path, p, n, 0644) ? EXIT_YES : EXIT_USAGE;
	if (binary && isatty(STDOUT_FILENO))
		return fail(EXIT_USAGE, "a COSE receipt is binary: give --out FILE");
	(void)fwrite(p, 1, n, stdout);
	if (!binary && n > 0 && ((const char *)p)[n - 1] != '\n')
		(void)fputc('\n', stdout);
	return EXIT_YES;
}

static int
write_receipt(const Ectledger__V1__GetReceiptReply *reply, const char *format, const char *path)
{
	struct receipt receipt;
	struct buf entry, text;
	int code = EXIT_UNREACHABLE;
	enum rc rc;

	buf_init(&entry, RECEIPT_SIZE_MAX);
	buf_init(&text, RECEIPT_SIZE_MAX);
	if (reply->receipt == NULL || reply->receipt->entry_is_head ||
	    !receipt_from_wire(reply->receipt, NULL, 0, &entry, &receipt)) {
		code = fail(code, "the server's receipt does not fit its entry");
	} else if (strcmp(format, "cose") == 0) {
		code = reply->cose.len > 0
			   ? write_out(path, reply->cose.data, reply->cose.len, true)
			   : fail(EXIT_REFUSED, "the server gave no COSE receipt");
	} else {
		rc = strcmp(format, "json") == 0 ? receipt_write_json(&receipt, &text)
						 : receipt_write_tlog(&receipt, &text);
		code = rc == RC_OK && buf_rc(&text) == RC_OK
			   ? write_out(path, text.p, text.n, false)
			   : fail(code, "cannot write the receipt: %s", rc_text(rc));
	}
	buf_release(&entry);
	buf_release(&text);
	return code;
}

static int
receipt_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__GetReceiptRequest request = ECTLEDGER__V1__GET_RECEIPT_REQUEST__INIT;
	Ectledger__V1__GetReceiptReply *reply = NULL;
	const char *format = args_has(a, "--format") ? args_get(a, "--format") : "json";
	struct task_id id;
	int code;

	if (strcmp(format, "json") != 0 && strcmp(format, "cose") != 0 &&
	    strcmp(format, "tlog-proof") != 0)
		return fail(
		    EXIT_USAGE, "--format wants json, cose or tlog-proof, not \"%s\"", format);
	request.by_index = args_has(a, "--index");
	if (request.by_index == (a->operand_count == 1))
		return fail(EXIT_USAGE, "receipt wants a task id or --index N, one of the two");
	if (!args_u64(a, "--index", &request.index))
		return EXIT_USAGE;
	if (!request.by_index) {
		if (!task_id_read(a, a->operands[0], &id))
			return EXIT_USAGE;
		request.jti = task_id_jti(&id);
		request.wid = task_id_wid(&id);
		request.any_wid = id.any_wid;
	}
	if (strcmp(format, "cose") == 0)
		request.format = (char *)(uintptr_t) "cose";
	code = call_server(g, "/ectledger.v1.Ledger/GetReceipt", &request.base,
	    &ectledger__v1__get_receipt_reply__descriptor, (ProtobufCMessage **)(void *)&reply);
	if (code == 0)
		code = write_receipt(reply, format, args_get(a, "--out"));
	if (reply != NULL)
		ectledger__v1__get_receipt_reply__free_unpacked(reply, NULL);
	return code;
}

static const struct verb_option receipt_options[] = {
    OPTION_WID,
    {"--index", "N", "the entry at this index, instead of a task id", false},
    {"--format", "json|cose|tlog-proof", "default: json; cose is RFC 9942, tlog-proof C2SP", false},
    {"--out", "FILE", "write to this file", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_receipt = {"receipt", "[JTI]",
    "proof that an entry is in the log, for anybody to verify offline", receipt_options, 0, 1,
    receipt_run};
