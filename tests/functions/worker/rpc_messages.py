"""The messages between the Functions host and a language worker, as protobuf classes built at run time.

`azure-functions-runtime`, the library that Azure runs for Python 3.13, brings no messages: its caller hands
it a namespace of classes. Names and numbers of the fields follow the public FunctionRpc.proto
(https://github.com/Azure/azure-functions-language-worker-protobuf); only what the worker reads or writes is
here. Runs inside `.venv-worker`, where protobuf is installed.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, message_factory, timestamp_pb2

PACKAGE = "AzureFunctionsRpcMessages"
FILE = "FunctionRpc.proto"


class Shape(enum.Enum):
    """How often a field may occur. A map has string keys."""

    ONE = enum.auto()
    MANY = enum.auto()
    MAP = enum.auto()


@dataclass(frozen=True)
class Field:
    """One field: ``type`` names a scalar, a message or ``Message.Enum``; ``oneof`` its group of choices."""

    name: str
    number: int
    type: str
    shape: Shape = Shape.ONE
    oneof: str = ""


@dataclass(frozen=True)
class Message:
    """One message with its fields and its nested enumerations (values in the order of their numbers)."""

    name: str
    fields: tuple[Field, ...]
    enums: tuple[tuple[str, tuple[str, ...]], ...] = ()


def choice(name: str, number: int, type_name: str, oneof: str) -> Field:
    return Field(name, number, type_name, oneof=oneof)


def string_map(name: str, number: int) -> Field:
    return Field(name, number, "string", Shape.MAP)


def nullable(name: str, type_name: str) -> Message:
    return Message(name, (choice("value", 1, type_name, "kind"),))


MESSAGES = (
    Message(
        "StreamingMessage",
        (
            Field("request_id", 1, "string"),
            choice("worker_init_request", 17, "WorkerInitRequest", "content"),
            choice("worker_init_response", 16, "WorkerInitResponse", "content"),
            choice("functions_metadata_request", 29, "FunctionsMetadataRequest", "content"),
            choice("function_metadata_response", 30, "FunctionMetadataResponse", "content"),
            choice("function_load_request", 8, "FunctionLoadRequest", "content"),
            choice("function_load_response", 9, "FunctionLoadResponse", "content"),
            choice("invocation_request", 4, "InvocationRequest", "content"),
            choice("invocation_response", 5, "InvocationResponse", "content"),
            choice("function_environment_reload_request", 25, "FunctionEnvironmentReloadRequest", "content"),
            choice("function_environment_reload_response", 26, "FunctionEnvironmentReloadResponse", "content"),
        ),
    ),
    Message(
        "WorkerInitRequest",
        (
            Field("host_version", 1, "string"),
            string_map("capabilities", 2),
            Field("worker_directory", 4, "string"),
            Field("function_app_directory", 5, "string"),
        ),
    ),
    Message(
        "WorkerInitResponse",
        (
            Field("worker_version", 1, "string"),
            string_map("capabilities", 2),
            Field("result", 3, "StatusResult"),
            Field("worker_metadata", 4, "WorkerMetadata"),
        ),
    ),
    Message(
        "WorkerMetadata",
        (
            Field("runtime_name", 1, "string"),
            Field("runtime_version", 2, "string"),
            Field("worker_version", 3, "string"),
            Field("worker_bitness", 4, "string"),
            string_map("custom_properties", 5),
        ),
    ),
    Message(
        "StatusResult",
        (
            Field("result", 1, "string"),
            Field("exception", 2, "RpcException"),
            Field("status", 4, "StatusResult.Status"),
        ),
        (("Status", ("Failure", "Success", "Cancelled")),),
    ),
    Message(
        "RpcException",
        (Field("stack_trace", 1, "string"), Field("message", 2, "string"), Field("source", 3, "string")),
    ),
    Message(
        "FunctionEnvironmentReloadRequest",
        (string_map("environment_variables", 1), Field("function_app_directory", 2, "string")),
    ),
    Message(
        "FunctionEnvironmentReloadResponse",
        (
            Field("worker_metadata", 1, "WorkerMetadata"),
            string_map("capabilities", 2),
            Field("result", 3, "StatusResult"),
        ),
    ),
    Message("FunctionsMetadataRequest", (Field("function_app_directory", 1, "string"),)),
    Message(
        "FunctionMetadataResponse",
        (
            Field("function_metadata_results", 1, "RpcFunctionMetadata", Shape.MANY),
            Field("result", 2, "StatusResult"),
            Field("use_default_metadata_indexing", 3, "bool"),
        ),
    ),
    Message(
        "RpcFunctionMetadata",
        (
            Field("directory", 1, "string"),
            Field("script_file", 2, "string"),
            Field("entry_point", 3, "string"),
            Field("name", 4, "string"),
            Field("bindings", 6, "BindingInfo", Shape.MAP),
            Field("is_proxy", 7, "bool"),
            Field("status", 8, "StatusResult"),
            Field("language", 9, "string"),
            Field("raw_bindings", 10, "string", Shape.MANY),
            Field("function_id", 13, "string"),
            Field("managed_dependency_enabled", 14, "bool"),
            Field("retry_options", 15, "RpcRetryOptions"),
            string_map("properties", 16),
        ),
    ),
    Message(
        "RpcRetryOptions",
        (
            Field("max_retry_count", 2, "int32"),
            Field("delay_interval", 3, "google.protobuf.Duration"),
            Field("minimum_interval", 4, "google.protobuf.Duration"),
            Field("maximum_interval", 5, "google.protobuf.Duration"),
            Field("retry_strategy", 6, "RpcRetryOptions.RetryStrategy"),
        ),
        (("RetryStrategy", ("exponential_backoff", "fixed_delay")),),
    ),
    Message(
        "BindingInfo",
        (
            Field("type", 2, "string"),
            Field("direction", 3, "BindingInfo.Direction"),
            Field("data_type", 4, "BindingInfo.DataType"),
        ),
        (("Direction", ("in", "out", "inout")), ("DataType", ("undefined", "string", "binary", "stream"))),
    ),
    Message(
        "FunctionLoadRequest",
        (
            Field("function_id", 1, "string"),
            Field("metadata", 2, "RpcFunctionMetadata"),
            Field("managed_dependency_enabled", 3, "bool"),
        ),
    ),
    Message("FunctionLoadResponse", (Field("function_id", 1, "string"), Field("result", 2, "StatusResult"))),
    Message(
        "InvocationRequest",
        (
            Field("invocation_id", 1, "string"),
            Field("function_id", 2, "string"),
            Field("input_data", 3, "ParameterBinding", Shape.MANY),
            Field("trigger_metadata", 4, "TypedData", Shape.MAP),
            Field("trace_context", 5, "RpcTraceContext"),
            Field("retry_context", 6, "RetryContext"),
        ),
    ),
    Message(
        "InvocationResponse",
        (
            Field("invocation_id", 1, "string"),
            Field("output_data", 2, "ParameterBinding", Shape.MANY),
            Field("result", 3, "StatusResult"),
            Field("return_value", 4, "TypedData"),
        ),
    ),
    Message(
        "RpcTraceContext",
        (Field("trace_parent", 1, "string"), Field("trace_state", 2, "string"), string_map("attributes", 3)),
    ),
    Message(
        "RetryContext",
        (
            Field("retry_count", 1, "int32"),
            Field("max_retry_count", 2, "int32"),
            Field("exception", 3, "RpcException"),
        ),
    ),
    Message("ParameterBinding", (Field("name", 1, "string"), choice("data", 2, "TypedData", "rpc_data"))),
    Message(
        "TypedData",
        (
            choice("string", 1, "string", "data"),
            choice("json", 2, "string", "data"),
            choice("bytes", 3, "bytes", "data"),
            choice("stream", 4, "bytes", "data"),
            choice("http", 5, "RpcHttp", "data"),
            choice("int", 6, "sint64", "data"),
            choice("double", 7, "double", "data"),
        ),
    ),
    Message(
        "RpcHttp",
        (
            Field("method", 1, "string"),
            Field("url", 2, "string"),
            string_map("headers", 3),
            Field("body", 4, "TypedData"),
            string_map("params", 10),
            Field("status_code", 12, "string"),
            string_map("query", 15),
            Field("enable_content_negotiation", 16, "bool"),
            Field("rawBody", 17, "TypedData"),
            Field("cookies", 19, "RpcHttpCookie", Shape.MANY),
        ),
    ),
    Message(
        "RpcHttpCookie",
        (
            Field("name", 1, "string"),
            Field("value", 2, "string"),
            Field("domain", 3, "NullableString"),
            Field("path", 4, "NullableString"),
            Field("expires", 5, "NullableTimestamp"),
            Field("secure", 6, "NullableBool"),
            Field("http_only", 7, "NullableBool"),
            Field("same_site", 8, "RpcHttpCookie.SameSite"),
            Field("max_age", 9, "NullableDouble"),
        ),
        (("SameSite", ("None", "Lax", "Strict", "ExplicitNone")),),
    ),
    nullable("NullableString", "string"),
    nullable("NullableBool", "bool"),
    nullable("NullableDouble", "double"),
    nullable("NullableTimestamp", "google.protobuf.Timestamp"),
)

SCALARS = {
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "sint64": descriptor_pb2.FieldDescriptorProto.TYPE_SINT64,
    "double": descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE,
}


def set_type(target: Any, type_name: str) -> None:
    if type_name in SCALARS:
        target.type = SCALARS[type_name]
        return
    proto = descriptor_pb2.FieldDescriptorProto
    is_own_enum = "." in type_name and not type_name.startswith("google.")
    target.type = proto.TYPE_ENUM if is_own_enum else proto.TYPE_MESSAGE
    target.type_name = f".{type_name}" if type_name.startswith("google.") else f".{PACKAGE}.{type_name}"


def add_field(message: Any, field: Field) -> None:
    proto = descriptor_pb2.FieldDescriptorProto
    target = message.field.add(name=field.name, number=field.number)
    target.label = proto.LABEL_OPTIONAL if field.shape is Shape.ONE else proto.LABEL_REPEATED
    if field.shape is not Shape.MAP:
        set_type(target, field.type)
        if field.oneof:
            groups = [group.name for group in message.oneof_decl]
            if field.oneof not in groups:
                message.oneof_decl.add(name=field.oneof)
                groups.append(field.oneof)
            target.oneof_index = groups.index(field.oneof)
        return
    # A map is, on the wire, a repeated message of key and value with this very name.
    entry_name = "".join(word.capitalize() for word in field.name.split("_")) + "Entry"
    entry = message.nested_type.add(name=entry_name)
    entry.options.map_entry = True
    key = entry.field.add(name="key", number=1, label=proto.LABEL_OPTIONAL)
    set_type(key, "string")
    value = entry.field.add(name="value", number=2, label=proto.LABEL_OPTIONAL)
    set_type(value, field.type)
    target.type = proto.TYPE_MESSAGE
    target.type_name = f".{PACKAGE}.{message.name}.{entry_name}"


def build_messages() -> SimpleNamespace:
    """The namespace of message classes that a worker's handlers take as ``protos``."""
    file = descriptor_pb2.FileDescriptorProto(name=FILE, package=PACKAGE, syntax="proto3")
    file.dependency.extend([duration_pb2.DESCRIPTOR.name, timestamp_pb2.DESCRIPTOR.name])
    for message in MESSAGES:
        target = file.message_type.add(name=message.name)
        for name, values in message.enums:
            nested = target.enum_type.add(name=name)
            for number, value in enumerate(values):
                nested.value.add(name=value, number=number)
        for field in message.fields:
            add_field(target, field)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(duration_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    found = {
        message.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{message.name}"))
        for message in MESSAGES
    }
    timestamp = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.protobuf.Timestamp"))
    return SimpleNamespace(**found, Timestamp=timestamp)
