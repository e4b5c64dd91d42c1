import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.centrifugal.centrifuge.*;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** JDK 17: mvn -q dependency:copy-dependencies -DoutputDirectory=lib; java -cp 'lib/*' ClientExample.java */
public final class ClientExample {
  private static final String URL =
      System.getenv().getOrDefault("URL", "ws://127.0.0.1:9001/connection/websocket");
  private static final String TOKEN_URL = System.getenv().getOrDefault("TOKEN_URL", "http://127.0.0.1:3000/token");
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  public static void main(String[] args) throws Exception {
    Options options = new Options();
    options.setTokenGetter(new ConnectionTokenGetter() {
      @Override
      public void getConnectionToken(ConnectionTokenEvent event, TokenCallback callback) {
        getToken("", callback);
      }
    });
    Client client = new Client(URL, options, new EventListener() {
      @Override
      public void onConnected(Client client, ConnectedEvent event) {
        System.out.println("connected: " + event.getClient());
      }

      @Override
      public void onConnecting(Client client, ConnectingEvent event) {
        System.out.println("connecting: " + event.getCode() + " " + event.getReason());
      }

      @Override
      public void onDisconnected(Client client, DisconnectedEvent event) {
        System.out.println("disconnected: " + event.getCode() + " " + event.getReason());
      }
    });

    SubscriptionOptions recoverable = new SubscriptionOptions();
    recoverable.setRecoverable(true);
    Subscription room = client.newSubscription("room:lobby", recoverable, new SubscriptionEventListener() {
      @Override
      public void onPublication(Subscription subscription, PublicationEvent event) {
        System.out.println("publication: " + textOf(event.getData()));
      }

      @Override
      public void onSubscribed(Subscription subscription, SubscribedEvent event) {
        // After a lost connection: either everything that was missed comes now, or you load the state anew.
        if (!event.wasRecovering()) System.out.println("subscribed");
        else System.out.println(event.getRecovered() ? "recovered" : "not recovered: load the state anew");
      }

      @Override
      public void onError(Subscription subscription, SubscriptionErrorEvent event) {
        System.out.println("error: " + event.getError());
      }
    });

    // A channel that begins with $ needs a token of its own.
    SubscriptionOptions withToken = new SubscriptionOptions();
    withToken.setTokenGetter(new SubscriptionTokenGetter() {
      @Override
      public void getSubscriptionToken(SubscriptionTokenEvent event, TokenCallback callback) {
        getToken("?channel=" + URLEncoder.encode(event.getChannel(), StandardCharsets.UTF_8), callback);
      }
    });
    Subscription vip = client.newSubscription("$vip", withToken, new SubscriptionEventListener() {
      @Override
      public void onSubscribed(Subscription subscription, SubscribedEvent event) {
        System.out.println("subscribed to $vip");
      }
    });

    client.connect();
    room.subscribe();
    vip.subscribe();

    byte[] hello = JSON.writeValueAsBytes(Map.of("text", "hello"));
    ClientExample.<PublishResult>result(done -> room.publish(hello, done));
    PresenceResult presence = result(done -> room.presence(done));
    System.out.println("presence: " + presence.getClients().values().stream()
        .map(ClientInfo::getUser).collect(Collectors.joining(",")));
    HistoryOptions newest = new HistoryOptions.Builder().withLimit(10).withReverse(true).build();
    HistoryResult history = result(done -> room.history(newest, done));
    System.out.println("history: " + history.getPublications().stream()
        .map(one -> textOf(one.getData())).collect(Collectors.joining(",")));
    RPCResult greeting = result(done -> client.rpc("greet", new byte[] {'{', '}'}, done));
    System.out.println("rpc: " + textOf(greeting.getData()));
    Thread.currentThread().join();
  }

  /** Your backend knows the user by a cookie. */
  private static void getToken(String query, TokenCallback callback) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(TOKEN_URL + query)).header("Cookie", "session=session-of-ann").build();
    HTTP.sendAsync(request, HttpResponse.BodyHandlers.ofString()).whenComplete((response, failure) -> {
      if (failure != null) {
        callback.Done(failure, "");
      } else if (response.statusCode() == 401 || response.statusCode() == 403) {
        callback.Done(new UnauthorizedException(), "");
      } else if (response.statusCode() != 200) {
        callback.Done(new IllegalStateException("no token: " + response.statusCode()), ""); // the SDK asks again
      } else {
        callback.Done(null, response.body());
      }
    });
  }

  private static String textOf(byte[] data) {
    try {
      return JSON.readTree(data).path("text").asText();
    } catch (java.io.IOException e) {
      return "(no JSON)";
    }
  }

  private static <T> T result(Consumer<ResultCallback<T>> start) throws Exception {
    CompletableFuture<T> result = new CompletableFuture<>();
    start.accept((error, value) -> {
      if (error == null) result.complete(value);
      else result.completeExceptionally(error);
    });
    return result.get(10, TimeUnit.SECONDS);
  }
}
