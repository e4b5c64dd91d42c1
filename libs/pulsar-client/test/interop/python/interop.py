"""The official Python client, at the command of a test. Bytes travel as base64."""

import json
import sys
import threading
import traceback
from base64 import b64decode, b64encode

import pulsar

COMES_WITHIN_MS = 30_000
COMPRESSIONS = {
    "None": pulsar.CompressionType.NONE,
    "Zlib": pulsar.CompressionType.ZLib,
    "LZ4": pulsar.CompressionType.LZ4,
    "ZSTD": pulsar.CompressionType.ZSTD,
    "SNAPPY": pulsar.CompressionType.SNAPPY,
}
client = None


def open_client(params):
    global client
    logger = pulsar.ConsoleLogger(pulsar.LoggerLevel.Error)
    client = pulsar.Client(params["serviceUrl"], logger=logger)


def java_string_hash(key):
    """What Pharos and Java route by: 31 * hash + unit, over the key's UTF-16 units, without the sign bit."""
    encoded = key.encode("utf-16-be", "surrogatepass")
    value = 0
    for at in range(0, len(encoded), 2):
        value = (31 * value + (encoded[at] << 8 | encoded[at + 1])) & 0xFFFFFFFF
    return value & 0x7FFFFFFF


def route_as_java(message, partitions):
    return java_string_hash(message.partition_key()) % partitions


def produce(params):
    batch_size = params["batchSize"]
    options = {"max_pending_messages": 0, "compression_type": COMPRESSIONS[params["compression"]]}
    if batch_size > 0:
        # Only what is full goes out before the flush.
        options.update(batching_enabled=True, batching_max_messages=batch_size, batching_max_publish_delay_ms=10_000)
    if "chunkBytes" in params:
        options.update(chunking_enabled=True)
    if params.get("hashing") == "JavaStringHash":
        options.update(message_routing_mode=pulsar.PartitionsRoutingMode.CustomPartition, message_router=route_as_java)
    producer = client.create_producer(params["topic"], **options)
    messages = params["messages"]
    outcomes = [None] * len(messages)
    left = threading.Semaphore(0)

    def callback_of(index):
        def callback(result, message_id):
            outcomes[index] = (result, message_id)
            left.release()

        return callback

    for index, message in enumerate(messages):
        data = None if message["data"] is None else b64decode(message["data"])
        producer.send_async(
            data,
            callback_of(index),
            properties=message.get("properties"),
            partition_key=message.get("key"),
            ordering_key=message.get("orderingKey"),
            event_timestamp=message.get("eventTimestamp"),
        )
    producer.flush()
    for _ in messages:
        left.acquire()
    producer.close()
    failed = [result for result, _ in outcomes if result != pulsar.Result.Ok]
    if failed:
        raise RuntimeError(f"{len(failed)} messages failed, the first with {failed[0]}")
    return [serialized(message_id) for _, message_id in outcomes]


def read(params):
    start = b64id(params["start"]) if "start" in params else pulsar.MessageId.earliest
    reader = client.create_reader(params["topic"], start, start_message_id_inclusive=params["inclusive"])
    try:
        return [seen(reader.read_next(COMES_WITHIN_MS)) for _ in range(params["count"])]
    finally:
        reader.close()


def consume(params):
    earliest = pulsar.InitialPosition.Earliest
    consumer = client.subscribe(params["topic"], params["subscription"], initial_position=earliest)
    try:
        if "seek" in params:
            consumer.seek(b64id(params["seek"]))
        messages = []
        for _ in range(params["count"]):
            message = consumer.receive(COMES_WITHIN_MS)
            messages.append(seen(message))
            consumer.acknowledge(message)
        return messages
    finally:
        consumer.close()


def seen(message):
    return {
        "data": None if message.has_null_value() else b64encode(message.data()).decode(),
        "key": message.partition_key(),
        "orderingKey": message.ordering_key(),
        "properties": dict(message.properties()),
        "eventTimestamp": message.event_timestamp(),
        "producerName": message.producer_name(),
        "id": serialized(message.message_id()),
    }


def serialized(message_id):
    return b64encode(message_id.serialize()).decode()


def b64id(text):
    return pulsar.MessageId.deserialize(b64decode(text))


def main():
    commands = {"open": open_client, "produce": produce, "read": read, "consume": consume}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"id": request["id"], "result": commands[request["method"]](request["params"])}
        except Exception:
            answer = {"id": request["id"], "error": traceback.format_exc()}
        print(json.dumps(answer), flush=True)
    if client is not None:
        client.close()


main()
