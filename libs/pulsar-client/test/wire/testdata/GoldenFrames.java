// Prints frames as the Java client and broker 4.2.4 write them, for java-frames.txt beside it:
//   java -cp '<Pulsar jars>/*' GoldenFrames.java > java-frames.txt
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.pulsar.client.api.KeySharedPolicy;
import org.apache.pulsar.client.api.ProducerAccessMode;
import org.apache.pulsar.client.api.Range;
import org.apache.pulsar.common.api.AuthData;
import org.apache.pulsar.common.api.proto.*;
import org.apache.pulsar.common.protocol.ByteBufPair;
import org.apache.pulsar.common.protocol.Commands;
import org.apache.pulsar.common.protocol.schema.BytesSchemaVersion;
import org.apache.pulsar.common.schema.SchemaInfo;
import org.apache.pulsar.common.schema.SchemaType;
import org.apache.pulsar.common.util.collections.BitSetRecyclable;

public class GoldenFrames {
    static final String TOPIC = "persistent://public/default/chat";

    static void print(String name, ByteBuf frame) {
        System.out.println(name + " " + ByteBufUtil.hexDump(frame));
    }

    static ByteBuf bytes(String text) {
        return Unpooled.copiedBuffer(text, StandardCharsets.UTF_8);
    }

    static Map<String, String> one(String key, String value) {
        Map<String, String> map = new LinkedHashMap<>();
        map.put(key, value);
        return map;
    }

    static SchemaInfo schema() {
        return SchemaInfo.builder().name("s").type(SchemaType.JSON).schema("{}".getBytes(StandardCharsets.UTF_8))
                .properties(one("a", "b")).build();
    }

    static MessageMetadata metadata() {
        MessageMetadata metadata = new MessageMetadata().setProducerName("p").setSequenceId(7).setPublishTime(1700000000000L);
        metadata.addProperty().setKey("k").setValue("v");
        return metadata;
    }

    public static void main(String[] args) throws Exception {
        connections();
        lookups();
        producers();
        consumers();
        entries();
    }

    static void connections() {
        print("connect", Commands.newConnect("token", AuthData.of("secret".getBytes(StandardCharsets.UTF_8)), 21, "Pulsar-Java-v4.2.4",
                "broker:6650", null, null, null));
        print("connected", Commands.newConnected(21, 5242880, true));
        print("authChallenge", Commands.newAuthChallenge("token", AuthData.REFRESH_AUTH_DATA, 21));
        print("authResponse", Commands.newAuthResponse("token", AuthData.of("new".getBytes(StandardCharsets.UTF_8)), 21, "Pulsar-Java-v4.2.4"));
        print("pong", Commands.newPong());
        print("success", Commands.newSuccess(3));
        print("error", Commands.newError(4, ServerError.TopicNotFound, "no such topic"));
    }

    static void lookups() {
        print("lookup", Commands.newLookup(TOPIC, "internal", true, 5, one("p", "q")));
        print("lookupResponse", Commands.newLookupResponse("pulsar://b:6650", "pulsar+ssl://b:6651", true,
                CommandLookupTopicResponse.LookupType.Redirect, 5, true));
        print("lookupError", Commands.newLookupErrorResponse(ServerError.ServiceNotReady, "not yet", 5));
        print("partitionedMetadata", Commands.newPartitionMetadataRequest(TOPIC, 6, true));
        print("partitionedMetadataResponse", Commands.newPartitionMetadataResponse(12, 6));
        print("partitionedMetadataError", Commands.newPartitionMetadataResponse(ServerError.AuthorizationError, "no", 6));
        print("getTopicsOfNamespace", Commands.newGetTopicsOfNamespaceRequest("public/default", 8,
                CommandGetTopicsOfNamespace.Mode.PERSISTENT, "chat.*", "hash", one("p", "q")));
        print("topicMigrated", Commands.newTopicMigrated(CommandTopicMigrated.ResourceType.Consumer, 9, "pulsar://n:6650", "pulsar+ssl://n:6651"));
    }

    static void producers() {
        print("producer", Commands.newProducer(TOPIC, 1, 2, "me", false, one("a", "b"), schema(), 3, true,
                ProducerAccessMode.Exclusive, Optional.of(4L), false, "first"));
        print("producerSuccess", Commands.newProducerSuccess(2, "me", 41, BytesSchemaVersion.of(new byte[] {0, 9}), Optional.of(4L), true));
        print("sendReceipt", Commands.newSendReceipt(1, 7, 8, 300, 9));
        print("sendError", Commands.newSendError(1, 7, ServerError.ChecksumError, "damaged"));
        print("closeProducer", Commands.newCloseProducer(1, 10, "pulsar://n:6650", "pulsar+ssl://n:6651"));
    }

    static void consumers() {
        MessageIdData start = new MessageIdData().setLedgerId(-1).setEntryId(-1);
        KeySharedPolicy policy = KeySharedPolicy.stickyHashRange().ranges(Range.of(0, 99), Range.of(200, 65535));
        print("subscribe", Commands.newSubscribe(TOPIC, "sub", 11, 12, CommandSubscribe.SubType.Key_Shared, 1, "c", true, start,
                one("a", "b"), false, false, CommandSubscribe.InitialPosition.Earliest, 0, schema(), true, policy, one("x", "y"), 5));
        print("flow", Commands.newFlow(11, 1000));
        BitSetRecyclable bits = BitSetRecyclable.create();
        bits.set(1);
        bits.set(70);
        print("ackOfBatch", Commands.newAck(11, 300, 9, bits, CommandAck.AckType.Individual, null, Map.of(), 13));
        print("ackCumulative", Commands.newAck(11, 300, 9, null, CommandAck.AckType.Cumulative, CommandAck.ValidationError.ChecksumMismatch,
                Map.of("n", 5L), -1));
        print("ackResponse", Commands.newAckResponse(13, ServerError.MetadataError, "later", 11));
        print("redeliver", Commands.newRedeliverUnacknowledgedMessages(11,
                List.of(new MessageIdData().setLedgerId(300).setEntryId(9).setPartition(2))));
        print("seek", Commands.newSeek(11, 14, 300, 9, new long[] {3, -1}));
        print("seekTime", Commands.newSeek(11, 14, 1700000000000L));
        print("getLastMessageId", Commands.newGetLastMessageId(11, 15));
        print("getLastMessageIdResponse", Commands.newGetLastMessageIdResponse(15, 300, 9, 2, 4, 300, 7));
        print("activeConsumerChange", Commands.newActiveConsumerChange(11, true));
        print("reachedEndOfTopic", Commands.newReachedEndOfTopic(11));
        print("unsubscribe", Commands.newUnsubscribe(11, 16, true));
        print("closeConsumer", Commands.newCloseConsumer(11, 17, "pulsar://n:6650", null));
    }

    static void entries() {
        print("send", ByteBufPair.coalesce(Commands.newSend(1, 7, 1, Commands.ChecksumType.Crc32c, metadata(), bytes("hello"))));
        MessageMetadata chunk = metadata().setUuid("p-7").setNumChunksFromMsg(3).setTotalChunkMsgSize(12).setChunkId(1);
        print("sendChunk", ByteBufPair.coalesce(Commands.newSend(1, 7, 1, Commands.ChecksumType.Crc32c, chunk, bytes("ello"))));
        ByteBuf batch = Unpooled.buffer();
        Commands.serializeSingleMessageInBatchWithPayload(new SingleMessageMetadata().setPartitionKey("room").setSequenceId(7), bytes("one"), batch);
        SingleMessageMetadata second = new SingleMessageMetadata().setEventTime(5).setOrderingKey("o".getBytes(StandardCharsets.UTF_8)).setSequenceId(8);
        second.addProperty().setKey("k").setValue("v");
        Commands.serializeSingleMessageInBatchWithPayload(second, bytes("two"), batch);
        MessageMetadata whole = metadata().setNumMessagesInBatch(2).setHighestSequenceId(8);
        print("sendBatch", ByteBufPair.coalesce(Commands.newSend(1, 7, 8, 2, Commands.ChecksumType.Crc32c, whole, batch)));
        ByteBuf entry = Commands.serializeMetadataAndPayload(Commands.ChecksumType.Crc32c, metadata(), bytes("hello"));
        print("message", ByteBufPair.coalesce(Commands.newMessage(11, 300, 9, 2, 1, entry, new long[] {3})));
    }
}
