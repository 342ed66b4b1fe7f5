/*
 * verbs.c - the table of verbs, in the order of the help.
 */
#include "args.h"

const struct verb *const ectl_verbs[] = {&verb_append, &verb_get, &verb_checkpoint, &verb_receipt,
    &verb_consistency, &verb_verify, &verb_provenance, &verb_rollback, &verb_recovery,
    &verb_translations, &verb_lifecycle, &verb_circuit, &verb_trust, &verb_agents, &verb_approvals,
    &verb_overrides, &verb_explanations, &verb_approve, &verb_deny, &verb_decide, &verb_override,
    &verb_release, &verb_ack, &verb_workflow, &verb_conformance, &verb_search, &verb_watch,
    &verb_stats, &verb_limits, &verb_kinds, &verb_keygen, &verb_sign, &verb_import,
    &verb_trust_store, &verb_policy, &verb_fsck, &verb_reindex, &verb_backup, &verb_restore,
    &verb_completion, &verb_man, NULL};
