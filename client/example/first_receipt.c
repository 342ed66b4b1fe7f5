/*
 * first_receipt.c - send a token to a log, fetch its receipt, verify it under the log's key.
 *
 *     first_receipt HOST:PORT VKEY TOKEN        (plaintext, so on loopback only)
 */
#include <ectledger/client.h>
#include <ectledger/ledger.pb-c.h>
#include <ectledger/verify.h>
#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
	Ectledger__V1__AppendRequest append = ECTLEDGER__V1__APPEND_REQUEST__INIT;
	Ectledger__V1__GetReceiptRequest get = ECTLEDGER__V1__GET_RECEIPT_REQUEST__INIT;
	struct ect_client_options options = {.insecure_loopback = true};
	struct ect_verify_report report;
	struct ProtobufCMessage *appended, *got;
	struct ect_client *client;
	struct ect_status status;

	if (argc != 4)
		return fprintf(stderr, "usage: first_receipt HOST:PORT VKEY TOKEN\n"), ECT_USAGE;
	ProtobufCBinaryData token = {strlen(argv[3]), (uint8_t *)argv[3]};
	options.server = argv[1];
	append.tokens = &token;
	append.n_tokens = 1;
	if (ect_client_open(&client, &options, &status) != 0 ||
	    ect_client_ask(client, "/ectledger.v1.Ledger/Append", &append.base,
		&ectledger__v1__append_reply__descriptor, &appended, &status) != 0)
		return fprintf(stderr, "%s\n", status.text), (int)status.outcome;

	const Ectledger__V1__AppendAnswer *answer =
	    ((Ectledger__V1__AppendReply *)appended)->answers[0];
	if (answer->refusal != NULL)
		return fprintf(stderr, "refused: %s\n", answer->refusal->message), ECT_REFUSED;
	get.by_index = 1;
	get.index = answer->index;
	get.format = "cose";
	if (ect_client_ask(client, "/ectledger.v1.Ledger/GetReceipt", &get.base,
		&ectledger__v1__get_receipt_reply__descriptor, &got, &status) != 0)
		return fprintf(stderr, "%s\n", status.text), (int)status.outcome;

	const Ectledger__V1__GetReceiptReply *reply = (Ectledger__V1__GetReceiptReply *)got;
	(void)ect_verify_file((struct ect_verify_bytes){reply->cose.data, reply->cose.len}, argv[2],
	    (struct ect_verify_bytes){token.data, token.len},
	    (struct ect_verify_bytes){reply->receipt->entry.data, reply->receipt->entry.len}, &report);
	printf("entry %llu: %s\n", (unsigned long long)answer->index, report.ok ? "verified" : "FALSE");
	protobuf_c_message_free_unpacked(appended, NULL);
	protobuf_c_message_free_unpacked(got, NULL);
	ect_client_close(client);
	return report.ok ? 0 : 1;
}
