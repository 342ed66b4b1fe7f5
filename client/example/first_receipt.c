/* first_receipt HOST:PORT VKEY TOKEN - send a token, fetch its receipt, verify it (plaintext, so on loopback only). */
#include <ectledger/client.h>
#include <ectledger/ledger.pb-c.h>
#include <ectledger/verify.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
ok(int failed, const struct ect_status *s)
{
	if (failed)
		exit(fprintf(stderr, "first_receipt: %s\n", s->text) < 0 ? ECT_USAGE : (int)s->outcome);
}

int
main(int argc, char **argv)
{
	Ectledger__V1__AppendRequest append = ECTLEDGER__V1__APPEND_REQUEST__INIT;
	Ectledger__V1__GetReceiptRequest get = ECTLEDGER__V1__GET_RECEIPT_REQUEST__INIT;
	struct ect_client_options options = {.server = argv[1], .insecure_loopback = true};
	struct ect_verify_report report;
	struct ProtobufCMessage *appended, *got;
	struct ect_client *client;
	struct ect_status status = {.outcome = ECT_USAGE, .text = "usage: first_receipt HOST:PORT VKEY TOKEN"};

	ok(argc != 4, &status);
	append.tokens = &(ProtobufCBinaryData){strlen(argv[3]), (uint8_t *)argv[3]};
	append.n_tokens = 1;
	ok(ect_client_open(&client, &options, &status), &status);
	ok(ect_client_ask(client, "/ectledger.v1.Ledger/Append", &append.base, &ectledger__v1__append_reply__descriptor, &appended, &status), &status);
	const Ectledger__V1__AppendAnswer *answer = ((Ectledger__V1__AppendReply *)appended)->answers[0];
	if (answer->refusal != NULL)
		return fprintf(stderr, "refused: %s\n", answer->refusal->message), ECT_REFUSED;
	get.by_index = 1, get.index = answer->index, get.format = "cose";
	ok(ect_client_ask(client, "/ectledger.v1.Ledger/GetReceipt", &get.base, &ectledger__v1__get_receipt_reply__descriptor, &got, &status), &status);
	const Ectledger__V1__GetReceiptReply *r = (Ectledger__V1__GetReceiptReply *)got;
	(void)ect_verify_file((struct ect_verify_bytes){r->cose.data, r->cose.len}, argv[2], (struct ect_verify_bytes){append.tokens->data, append.tokens->len}, (struct ect_verify_bytes){r->receipt->entry.data, r->receipt->entry.len}, &report);
	printf("entry %llu: %s\n", (unsigned long long)answer->index, report.ok ? "verified" : "FALSE");
	return report.ok ? 0 : 1;
}
