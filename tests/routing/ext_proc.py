"""The few messages of Envoy's ext_proc protocol that a picker needs, as descriptors made here.

Field numbers are those of envoy/service/ext_proc/v3/external_processor.proto and envoy/config/core/v3/base.proto.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE: Final = "tests.ext_proc"
METHOD: Final = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
HEALTH: Final = "/grpc.health.v1.Health/Check"
SERVING: Final = b"\x08\x01"
Kind = descriptor_pb2.FieldDescriptorProto

# name, number, type (a message of this file by name, else a scalar), repeated
_MESSAGES: Final[dict[str, list[tuple[str, int, Any, bool]]]] = {
    "HeaderValue": [("key", 1, Kind.TYPE_STRING, False), ("raw_value", 3, Kind.TYPE_BYTES, False)],
    "HeaderMap": [("headers", 1, "HeaderValue", True)],
    "HttpHeaders": [("headers", 1, "HeaderMap", False), ("end_of_stream", 3, Kind.TYPE_BOOL, False)],
    "HttpBody": [("body", 1, Kind.TYPE_BYTES, False), ("end_of_stream", 2, Kind.TYPE_BOOL, False)],
    "Empty": [],
    "ProcessingRequest": [
        ("request_headers", 2, "HttpHeaders", False),
        ("response_headers", 3, "HttpHeaders", False),
        ("request_body", 4, "HttpBody", False),
        ("response_body", 5, "HttpBody", False),
        ("request_trailers", 6, "Empty", False),
        ("response_trailers", 7, "Empty", False),
    ],
    "HeaderValueOption": [("header", 1, "HeaderValue", False)],
    "HeaderMutation": [("set_headers", 1, "HeaderValueOption", True)],
    "StreamedBodyResponse": [
        ("body", 1, Kind.TYPE_BYTES, False),
        ("end_of_stream", 2, Kind.TYPE_BOOL, False),
    ],
    "BodyMutation": [("streamed_response", 3, "StreamedBodyResponse", False)],
    "CommonResponse": [
        ("header_mutation", 2, "HeaderMutation", False),
        ("body_mutation", 3, "BodyMutation", False),
        ("clear_route_cache", 5, Kind.TYPE_BOOL, False),
    ],
    "HeadersResponse": [("response", 1, "CommonResponse", False)],
    "BodyResponse": [("response", 1, "CommonResponse", False)],
    "HttpStatus": [("code", 1, Kind.TYPE_INT32, False)],
    "ImmediateResponse": [("status", 1, "HttpStatus", False)],
    "ProcessingResponse": [
        ("request_headers", 1, "HeadersResponse", False),
        ("request_body", 3, "BodyResponse", False),
        ("immediate_response", 7, "ImmediateResponse", False),
    ],
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="tests_ext_proc.proto", package=PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            label = Kind.LABEL_REPEATED if repeated else Kind.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                added.type, added.type_name = Kind.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
            else:
                added.type = kind
    return file


_POOL: Final = descriptor_pool.DescriptorPool()
_POOL.Add(_file())  # type: ignore[no-untyped-call]


def message(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))  # type: ignore[no-untyped-call]


Request: Final = message("ProcessingRequest")
Response: Final = message("ProcessingResponse")
