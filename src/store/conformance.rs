//! What every store must do, as tests written against the traits alone.
//!
//! An implementation calls [`conformance!`](crate::store::conformance::conformance) in its tests with a function
//! that makes an empty store under given rules; each property becomes one test. Knows no implementation.

pub mod accounts;
pub mod admin;
pub mod admission;
pub mod alterations;
pub mod batches;
pub mod changes;
pub mod crowd;
pub mod entitlement;
pub mod files;
pub mod friends;
pub mod groups;
pub mod hooks;
pub mod likeness;
pub mod lists;
pub mod log;
pub mod mutes;
pub mod packets;
pub mod retention;
pub mod roles;
pub mod search;
pub mod stage;
pub mod surroundings;
pub mod texts;

/// One test per property. `$make` is `async fn(StoreRules) -> Stage`.
macro_rules! conformance {
    ($make:path) => {
        crate::store::conformance::conformance! { @tests $make,
            log: [
                seqs_are_dense_and_times_never_fall,
                a_repeated_draft_keeps_its_place,
                a_log_takes_another_epoch_for_the_one_it_has_and_for_no_other,
                client_ids_are_compared_byte_for_byte,
                a_client_id_with_other_content_is_refused,
                a_retry_is_a_duplicate_after_its_sender_was_removed_or_disabled,
                a_batch_judges_each_draft_after_the_ones_before_it,
                bodies_come_back_byte_for_byte,
                a_verdict_names_the_log_it_was_judged_by,
                a_past_time_is_kept_and_times_never_fall,
                ranges_are_consecutive_and_end_at_the_head,
                entries_are_found_by_place_and_by_client_id,
                concurrent_appends_are_dense_and_keep_each_callers_order,
                nobody_sees_an_entry_before_the_one_below_it,
            ]
            retention: [
                pruning_moves_the_floor_and_removes_exactly_the_oldest,
                the_last_entry_is_never_pruned,
                pruning_again_changes_nothing,
                a_range_from_below_the_floor_says_so,
                what_was_pruned_is_in_no_page_list_or_count,
                a_retry_of_what_was_pruned_is_a_new_entry_at_a_new_place,
                the_first_entry_within_an_age_is_found,
                appends_and_prunings_at_once_leave_a_dense_log_without_a_gap_for_readers,
            ]
            search: [
                words_and_parts_of_runs_are_found_and_wildcards_are_none,
                only_what_the_reader_may_see_is_found,
                an_edited_message_is_found_by_its_new_words_and_a_recalled_one_by_none,
                what_is_found_over_many_pages_is_what_looking_at_everything_finds,
                nothing_is_found_above_what_is_durable_nor_at_or_above_where_a_page_begins,
                what_was_pruned_is_not_found_and_leaves_the_index,
                another_log_gets_another_index,
                several_may_fill_the_index_at_once_and_none_undoes_what_another_did,
            ]
            batches: [
                each_of_many_messages_gets_its_own_verdict,
                messages_obey_the_changes_before_them_in_a_batch,
                friendships_begin_and_end_within_a_batch,
                a_group_can_begin_and_be_spoken_in_within_a_batch,
                a_client_id_twice_in_a_batch_counts_once,
                a_refused_draft_leaves_its_client_id_free,
                changes_share_the_client_ids_of_messages,
                a_batch_may_be_larger_than_any_bound,
            ]
            crowd: [
                four_appenders_store_each_client_id_once_and_in_sight_in_order,
                of_those_who_join_at_once_each_is_in_once_and_no_more_than_fit,
            ]
            changes: [
                messages_need_an_enabled_author_and_a_reachable_peer,
                messages_to_groups_need_membership,
                strangers_are_refused_where_the_deployment_says_so,
                notices_and_accounts_take_no_messages,
                revoking_ends_sessions_once,
                sessions_of_a_disabled_account_can_be_ended,
                an_entry_goes_only_where_its_change_belongs,
                the_system_needs_no_account,
            ]
            mutes: [
                a_muted_member_writes_again_when_the_time_is_over,
                a_mute_of_all_is_for_members_alone,
                in_a_batch_only_what_is_muted_is_refused,
            ]
            alterations: [
                what_is_recalled_is_nowhere_any_more,
                a_recall_has_conditions,
                the_time_for_a_recall_ends_by_the_stores_clock,
                in_groups_owner_and_admins_take_back_anything,
                an_edit_is_in_the_message_with_its_time,
                an_edit_needs_what_a_message_needs,
                the_muted_may_recall_and_react_but_not_edit,
                of_recalls_and_edits_at_once_no_text_survives,
                alterations_in_one_batch_see_what_is_before_them,
            ]
            surroundings: [
                a_reaction_is_there_once_or_not_at_all,
                a_message_has_so_many_emojis_and_no_more,
                what_a_user_hid_is_gone_for_him_alone,
                what_became_of_messages_is_neither_last_nor_unread,
                readers_were_members_then_and_have_positions,
                what_surrounds_pruned_messages_is_pruned,
            ]
            friends: [
                a_request_is_answered_once,
                whoever_is_blocked_accepts_nothing,
                asking_again_keeps_one_request,
                asking_the_one_who_asked_makes_friends,
                automatic_friendship_needs_no_answer,
                befriending_has_conditions,
                ending_a_friendship_ends_it_for_both,
                remarks_and_blocks_are_ones_own,
            ]
            groups: [
                a_new_group_holds_its_members_from_its_first_entry,
                a_group_is_made_only_of_existing_users_and_within_bounds,
                joining_has_conditions,
                adding_has_conditions,
                leave_and_rejoin_are_two_stays,
                an_owners_group_goes_to_the_longest_standing_member,
                the_last_ones_leaving_dissolves_the_group,
                removing_needs_a_higher_role,
                dissolving_closes_all_stays,
                the_profile_is_changed_by_who_runs_the_group,
                open_groups_are_found_by_name_and_id,
                members_are_listed_in_pages,
                drawn_ids_differ,
            ]
            roles: [
                roles_are_given_by_the_owner_alone,
                muting_takes_a_higher_role,
                a_mute_is_replaced_ended_and_outlives_leaving,
                everybody_is_muted_by_who_runs_the_group,
                a_group_is_handed_over_by_its_owner,
                whoever_hands_over_or_leaves_at_once_a_group_has_one_owner,
            ]
            admission: [
                asking_to_be_let_in_has_conditions,
                a_request_to_come_in_is_answered_once_by_who_runs_the_group,
                nobody_is_let_into_a_full_group_or_with_a_disabled_account,
                whoever_comes_in_otherwise_waits_no_longer,
                an_invitation_lets_in_however_the_group_lets_in_otherwise,
                an_invitation_ends,
                an_invitation_for_one_lets_in_one_of_those_who_use_it_at_once,
                who_is_let_in_twice_at_once_is_in_once,
            ]
            entitlement: [
                private_entries_are_seen_by_the_two_alone,
                notices_are_seen_from_registration_on,
                group_entries_are_seen_within_stays,
                the_whole_past_is_open_to_present_members_where_the_deployment_says_so,
                revocations_are_shown_to_nobody,
                catching_up_in_steps_misses_and_repeats_nothing,
                catching_up_ends_where_asked,
                pages_hold_what_was_asked_for_and_say_what_is_left,
                pages_show_only_what_the_reader_may_see,
                notes_to_self_hold_the_notices,
                a_snapshot_names_all_stays_and_the_head,
            ]
            lists: [
                a_list_has_each_conversation_once_the_most_recent_first,
                a_list_leaves_out_what_the_reader_may_not_see,
                unread_counts_messages_of_others_above_the_read_position,
                unread_stops_counting_at_a_thousand,
                read_positions_only_move_forward,
                the_peers_read_position_is_shown,
                what_is_above_several_positions_is_read_at_once,
                settings_are_patched_field_by_field,
                a_list_of_five_hundred_conversations_is_whole,
                a_stranger_reads_and_counts_nothing,
            ]
            hooks: [
                bots_are_known_with_their_owners_until_they_are_gone,
                hooks_are_made_found_and_taken_away,
                a_hook_is_held_by_one_at_a_time,
                a_hook_goes_on_where_it_was_and_waits_after_failures,
                of_many_who_reach_for_a_hook_one_holds_it,
                what_people_say_is_told_and_what_bots_say_is_not,
            ]
            packets: [
                a_packet_leaves_its_senders_balance_and_is_taken_share_by_share,
                sending_a_packet_has_conditions,
                a_repeated_packet_is_the_first_one_however_it_was_cut,
                claiming_has_conditions,
                who_sees_the_whole_past_may_claim_what_is_in_it,
                what_is_left_goes_back_once_when_the_time_is_over,
                notices_about_packets_are_seen_and_not_unread,
                settled_packets_go_after_their_messages,
                money_is_neither_made_nor_lost_by_many_at_once,
            ]
            files: [
                equal_bytes_have_one_place,
                a_file_comes_back_as_it_was_added_and_only_once,
                a_quota_holds_however_many_are_added_at_once,
                a_file_is_met_where_a_message_that_refers_to_it_can_be_read,
                a_use_without_its_message_opens_nothing,
                a_recalled_message_takes_the_file_with_it,
                a_face_shows_its_file_while_it_says_so,
                the_past_of_a_group_opens_its_files_where_the_deployment_says_so,
                orphans_are_retired_and_what_is_used_stays,
                bytes_are_let_go_when_no_file_has_them,
                folders_are_found_at_their_latest_address,
            ]
            texts: [
                names_that_only_look_alike_are_different_names,
                profiles_come_back_as_they_were_written,
                groups_remarks_and_drafts_come_back_as_they_were_written,
            ]
            accounts: [
                the_first_user_is_an_admin,
                names_and_addresses_are_unique_without_regard_to_case,
                a_repeated_registration_is_the_same_account,
                an_account_without_name_is_named_after_its_id,
                credentials_are_found_by_name_or_phone,
                a_password_is_replaced_only_while_it_is_the_expected_one,
                what_was_brought_in_keeps_its_first_id,
                users_are_found_and_the_best_match_comes_first,
                profiles_change_field_by_field,
                switches_of_accounts_hold_and_unknown_accounts_are_named,
                last_seen_only_moves_forward,
                accounts_are_listed_in_pages,
                sessions_are_found_by_token_and_listed_newest_first,
                nodes_are_registered_and_forgotten_by_counter,
            ]
            admin: [
                traces_are_kept_in_their_order_and_read_backwards,
                an_invitation_is_found_listed_and_revoked,
                a_maker_has_no_more_open_invitations_than_allowed,
                an_account_is_made_only_on_an_open_invitation,
                a_repeated_invited_registration_counts_once,
                of_those_who_take_the_last_use_at_once_one_gets_it,
            ]
        }
    };
    (@tests $make:path, $($module:ident: [$($property:ident,)+])+) => {$($(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $property() {
            crate::store::conformance::$module::$property(&$make).await;
        }
    )+)+};
}

pub(crate) use conformance;
