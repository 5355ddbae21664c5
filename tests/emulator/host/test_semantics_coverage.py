"""What Azure's Functions host and Event Grid do, line by line, and the tests that show that the local ones do it too.

Known from the hosts' sources and from https://learn.microsoft.com/azure/azure-functions and
https://learn.microsoft.com/azure/event-grid/delivery-and-retry; each module of `emulator/host` names its own.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

_EMULATOR = Path(__file__).parents[1]


@dataclass(frozen=True)
class Line:
    """One behaviour, in words, and tests as `file::test` below tests/emulator, the `test_` of both left out."""

    behaviour: str
    tests: tuple[str, ...]

    def __post_init__(self) -> None:
        assert self.tests, self.behaviour


def _line(behaviour: str, *tests: str) -> Line:
    return Line(behaviour, tests)


LINES = (
    # HTTP
    _line(
        "functions lie below a prefix, `api` unless host.json says otherwise",
        "host/http::a_function_is_served_below_the_route_prefix",
        "host/http::the_route_prefix_comes_from_host_json",
        "host/settings::defaults_are_those_of_azure",
    ),
    _line(
        "without a route the function's name is the route; without methods all are served",
        "host/http::without_a_route_the_function_name_is_the_route_and_all_methods_are_served",
    ),
    _line(
        "a path or a method that nobody serves is 404",
        "host/http::an_unknown_path_is_not_found",
        "host/http::a_method_that_the_function_does_not_list_is_not_found",
    ),
    _line(
        "header names arrive in lower case; empty query values do not arrive",
        "host/http::header_names_are_lower_cased_and_empty_query_values_are_dropped",
    ),
    _line(
        "a body arrives as bytes, and only with a Content-Length above 0",
        "host/http::a_body_arrives_with_a_content_length",
        "host/http::a_chunked_body_without_content_length_is_lost",
    ),
    _line(
        "a function returns a response or text; anything else is a failure",
        "host/http::status_headers_cookies_and_bytes_of_a_response_arrive",
        "host/http::a_text_answer_is_plain_text",
        "host/http::a_failure_is_a_bare_500_with_the_reason_in_the_log",
    ),
    _line(
        "keys: of a function, of the host, the master key (Core Tools asks for none, Azure does)",
        "host/http::a_function_key_opens_its_function_by_header_and_by_query",
        "host/http::host_key_and_master_key_open_a_function_and_others_do_not",
        "host/http::admin_level_takes_the_master_key_only",
    ),
    _line(
        "keys are blobs that all instances share",
        "host/instances::all_instances_share_a_port_a_key_and_the_work",
        "host/instances::a_killed_process_can_be_started_again_on_its_port_and_with_its_keys",
        "host/instances::apps_with_another_host_id_share_nothing",
    ),
    _line("it listens on the loopback address only", "host/http::the_host_listens_on_the_loopback_address_only"),
    # The Event Grid webhook
    _line(
        "an unknown or missing functionName is 404 and named",
        "host/webhook::an_unknown_function_is_404_with_its_name",
        "host/webhook::a_request_without_a_function_name_is_404_as_well",
        "host/webhook::a_function_with_another_trigger_is_not_found",
    ),
    _line("the webhook wants the system key", "host/webhook::the_system_key_is_needed"),
    _line(
        "SubscriptionValidation is 200 with the code, from an array and from the form of CloudEvents",
        "host/webhook::the_validation_event_is_answered_with_200_and_its_code",
        "host/webhook::the_validation_event_in_cloud_event_form_carries_json_text_in_json",
    ),
    _line(
        "OPTIONS is 200 and allows an origin of Event Grid",
        "host/webhook::options_allows_the_origins_of_event_grid_only",
    ),
    _line(
        "both handshakes pass for a Python function",
        "eventgrid/with_the_host::a_change_reaches_the_function_after_the_handshake",
    ),
    _line(
        "a Notification is an array or one object",
        "host/webhook::a_notification_runs_the_function_and_is_202",
        "host/webhook::a_single_object_is_accepted_as_well",
    ),
    _line("one invocation per element, all at once", "host/webhook::the_events_of_an_array_run_at_the_same_time"),
    _line(
        "one failure makes the answer 500 with its message, though the others succeeded",
        "host/webhook::one_failure_makes_the_whole_delivery_500_though_the_others_ran",
    ),
    _line(
        "after a 500 the whole payload comes again, what had succeeded included",
        "eventgrid/with_the_host::a_batch_with_one_failure_comes_again_as_a_whole",
        "eventgrid/batches::a_refused_batch_comes_again_as_a_whole",
    ),
    _line("the answer comes when the functions have ended", "host/webhook::the_answer_waits_for_the_function"),
    _line("Unsubscribe is 202", "host/webhook::unsubscribe_is_accepted"),
    _line("anything else is 400", "host/webhook::any_other_request_is_400"),
    _line(
        "a function causes 202 or 500, never a final 400",
        "host/webhook::a_failure_of_any_kind_is_500",
        "host/webhook::an_event_time_that_cannot_be_parsed_fails_before_the_function",
    ),
    _line("times are passed on as text", "host/webhook::times_in_the_data_arrive_as_the_text_that_was_sent"),
    _line(
        "an event is decoded by its own shape, whatever the annotation",
        "host/webhook::a_cloud_event_reaches_the_function_as_a_cloud_event",
    ),
    # Event Grid
    _line(
        "Event Grid waits 30 s, then the attempt has failed",
        "eventgrid/delivery::no_answer_in_time_is_a_failure_and_a_late_answer_makes_a_duplicate",
        "eventgrid/delivery::a_scaled_timeout_is_never_below_five_seconds",
    ),
    _line(
        "it tries again after 10 s, 30 s, 1, 5, 10, 30 min and then every hour, later after some answers",
        "eventgrid/delivery::the_retry_schedule_is_azures",
        "eventgrid/delivery::some_answers_make_the_wait_longer",
        "eventgrid/delivery::a_failed_delivery_is_tried_again_on_schedule",
    ),
    _line(
        "it gives up after 30 attempts or 24 hours, or what the subscription says",
        "eventgrid/delivery::attempts_end_at_the_limit",
        "eventgrid/delivery::attempts_end_with_the_time_to_live",
        "eventgrid/delivery::settings_that_azure_refuses",
    ),
    _line(
        "400, 403 and 413 are final, and 401 of a webhook",
        "eventgrid/delivery::a_final_answer_is_a_dead_letter_at_once",
        "eventgrid/delivery::401_is_final_from_a_webhook_but_not_from_a_function",
    ),
    _line(
        "what is given up is a dead letter with its reason, or dropped where none are kept",
        "eventgrid/delivery::what_is_given_up_is_dropped_where_no_dead_letters_are_kept",
        "eventgrid/delivery::attempts_end_at_the_limit",
        "eventgrid/delivery::a_dead_cloud_event_gets_attributes_in_lower_case",
    ),
    _line(
        "order is not kept, duplicates come",
        "eventgrid/disorder::with_a_window_each_event_is_late_by_its_own_chance",
        "eventgrid/disorder::a_share_of_the_events_comes_twice",
    ),
    _line("a function's handshake is Azure's business", "eventgrid/delivery::a_functions_handshake_is_azures_business"),
    _line(
        "batches up to maxEventsPerBatch and about preferredBatchSizeInKilobytes, without waiting for more",
        "eventgrid/batches::a_batch_holds_no_more_than_the_subscription_wants_and_waits_for_nothing",
        "eventgrid/batches::a_batch_stays_below_the_preferred_size_but_a_larger_event_still_comes",
    ),
    # Queue trigger
    _line(
        "defaults: batchSize 16, threshold half of it per processor, 5 attempts, no delay, a minute, base64",
        "host/settings::defaults_are_those_of_azure",
        "host/settings::the_threshold_follows_the_batch_size",
        "host/settings::what_cannot_be_used_is_refused_with_the_key",
    ),
    _line(
        "at most batchSize + newBatchThreshold are in work",
        "host/queue_trigger::no_more_than_batch_size_and_threshold_are_in_work",
    ),
    _line(
        "a received message is hidden for ten minutes, renewed at half of them",
        "host/queue_trigger::a_received_message_is_hidden_for_ten_minutes",
        "host/queue_trigger::a_running_message_is_renewed_at_half_of_its_time",
        "host/instances::what_a_killed_process_had_in_work_comes_back_when_its_time_is_over",
    ),
    _line(
        "visibilityTimeout is the delay after a failure and nothing else",
        "host/queue_trigger::between_attempts_a_message_is_hidden_for_the_visibility_timeout",
    ),
    _line("success deletes the message", "host/queue_trigger::a_message_is_decoded_run_and_deleted"),
    _line(
        "the last failed attempt copies it to the poison queue, made if missing, and deletes it",
        "host/queue_trigger::a_failing_message_is_tried_max_dequeue_count_times_and_then_poison",
        "host/queue_trigger::the_last_failed_attempt_is_poison_at_once",
        "host/queue_trigger::the_poison_queue_is_created_only_when_needed",
    ),
    _line(
        "above maxDequeueCount it is poison without being run",
        "host/queue_trigger::a_message_above_max_dequeue_count_is_poison_without_being_run",
    ),
    _line(
        "a poison queue, or one with too long a name, has no poison queue: the message stays hidden",
        "host/queue_trigger::a_failing_message_of_a_poison_queue_stays_hidden",
        "host/queue_trigger::a_queue_whose_poison_name_would_be_too_long_has_none",
    ),
    _line(
        "a message that somebody else took is let go: at least once",
        "host/queue_trigger::a_message_that_somebody_else_took_is_let_go",
    ),
    _line(
        "polling backs off with jitter from 100 ms to maxPollingInterval",
        "host/queue_trigger::polling_backs_off_with_jitter_between_100_ms_and_the_maximum",
        "host/queue_trigger::polling_asks_for_jitter_of_a_fifth",
    ),
    _line(
        "an output to the queue on the same host wakes the listener",
        "host/queue_trigger::an_output_to_its_queue_wakes_the_listener",
    ),
    _line(
        "a trigger does not create its queue, an output does",
        "host/queue_trigger::the_trigger_does_not_create_its_queue_and_finds_it_when_it_comes",
        "host/queue_output::a_text_becomes_one_base64_message_and_the_queue_is_created",
    ),
    _line(
        "the function sees id, pop receipt, dequeue count and three times",
        "host/queue_trigger::the_function_sees_the_metadata_of_the_message",
    ),
    _line(
        "what is not base64 goes to poison; messageEncoding none takes text as it is",
        "host/queue_trigger::a_message_that_is_not_base64_is_poison_at_once_and_unchanged",
        "host/queue_trigger::message_encoding_none_takes_the_text_as_it_is",
        "host/queue_output::message_encoding_none_sends_the_text_as_it_is",
    ),
    # Timer
    _line(
        "six fields, or five with second 0; a time span is refused",
        "host/timers::five_or_six_fields_with_seconds_first",
        "host/timers::what_is_no_ncrontab_expression_is_an_indexing_error",
    ),
    _line("its time is UTC", "host/timers::the_hosts_time_is_utc_whatever_the_machines_is"),
    _line(
        "one instance of all runs it, by a blob lease",
        "host/instances::one_of_four_instances_runs_a_timer",
        "host/instances::a_timer_moves_on_when_its_instance_was_killed_and_its_lock_is_over",
        "host/instances::a_timer_is_free_at_once_when_its_instance_ends_in_order",
        "host/timers::a_timer_rests_while_somebody_else_has_its_lock",
    ),
    _line(
        "the monitor's status is a blob; a missed occurrence is made up once, and says so",
        "host/timers::the_status_is_a_blob_in_the_hosts_container",
        "host/timers::a_missed_occurrence_is_made_up_once_at_the_next_start",
    ),
    _line(
        "runOnStartup runs at the start",
        "host/timers::run_on_startup_runs_at_once",
        "host/timers::without_run_on_startup_nothing_runs_before_its_time",
    ),
    _line("runs do not overlap", "host/timers::a_run_that_lasts_beyond_the_next_occurrence_does_not_overlap"),
    _line(
        "no monitor below a minute, or with useMonitor false",
        "host/timers::a_short_interval_or_use_monitor_false_keeps_no_status",
    ),
    _line(
        "a failure is logged, does not stop the schedule and is not repeated; a retry policy is refused here",
        "host/timers::a_failure_does_not_stop_the_schedule",
        "host/timers::a_failed_run_is_not_repeated",
        "host/indexing::the_host_refuses_to_start",
    ),
    # Started by hand
    _line(
        "POST /admin/functions/NAME is 202 at once and runs in the background",
        "host/timers::a_timer_can_be_started_by_hand",
        "host/timers::a_start_by_hand_is_answered_while_the_function_runs",
        "host/timers::a_queue_function_started_by_hand_gets_the_input",
    ),
    _line("404 for an unknown name, 400 without a body", "host/timers::manual_starts_that_are_refused"),
    # Outputs
    _line(
        "outputs are sent after success only",
        "host/queue_output::nothing_is_sent_when_the_function_fails_after_setting_the_output",
    ),
    _line(
        "a JSON array is one message per element",
        "host/queue_output::a_json_array_becomes_one_message_per_element",
        "host/queue_output::a_list_of_texts_becomes_one_message_each",
    ),
    _line(
        "a dict sends its keys; a list of dicts fails",
        "host/queue_output::a_dict_in_a_list_output_sends_its_keys",
        "host/queue_output::a_list_of_dicts_cannot_be_sent",
    ),
    _line(
        "more than 64 KiB of encoded text fails after the function succeeded",
        "host/queue_output::the_limit_is_64_kib_of_encoded_text",
    ),
    _line(
        "a value without a return binding is a failure",
        "host/queue_trigger::a_return_value_without_a_binding_is_a_failure",
    ),
    # Start and end
    _line(
        "each function is printed with its URL or trigger",
        "host/indexing::every_function_is_listed_with_its_url_or_trigger",
        "host/process::a_process_serves_says_what_ran_and_ends_with_0",
    ),
    _line(
        "what cannot be indexed does not start, and says why",
        "host/indexing::the_host_refuses_to_start",
        "host/process::an_app_that_cannot_be_indexed_fails_with_its_reason",
    ),
    _line(
        "SIGTERM: nothing new is received, what is in work is finished",
        "host/process::a_process_serves_says_what_ran_and_ends_with_0",
        "host/process::sigterm_ends_a_host_without_functions_in_work",
        "host/queue_trigger::a_message_that_arrives_while_the_host_stops_is_still_run",
    ),
    _line(
        "sync functions run in a pool, async ones on the loop",
        "host/http::sync_functions_run_in_the_pool_and_async_ones_on_the_loop",
    ),
    _line(
        "the environment overrides host.json; host.json is version 2.0",
        "host/settings::the_environment_overrides_host_json_whatever_its_casing",
        "host/settings::what_cannot_be_used_is_refused_with_the_key",
    ),
    _line(
        "a connection is found under its name, and with AzureWebJobs in front",
        "host/queue_output::a_connection_is_also_found_under_its_name_with_azure_web_jobs_in_front",
        "host/queue_output::a_connection_that_no_setting_holds_fails_the_start_of_the_listener",
    ),
)


def _tests() -> set[str]:
    found = set()
    for folder in ("host", "eventgrid"):
        for file in (_EMULATOR / folder).glob("test_*.py"):
            module = f"{folder}/{file.stem.removeprefix('test_')}"
            tree = ast.parse(file.read_text(encoding="utf-8"))
            names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
            found |= {f"{module}::{name.removeprefix('test_')}" for name in names if name.startswith("test_")}
    return found


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.behaviour)
def test_every_line_names_tests_that_exist(line: Line) -> None:
    assert set(line.tests) <= _tests()


def test_no_line_is_there_twice() -> None:
    behaviours = [line.behaviour for line in LINES]
    assert len(set(behaviours)) == len(behaviours)
