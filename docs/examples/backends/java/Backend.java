import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A backend for Pharos over plain HTTP: it signs tokens, publishes, and answers what edges ask. Beside the JDK (17 or newer) it needs Jackson.
 *
 * <pre>
 * mvn -q dependency:copy-dependencies -DoutputDirectory=lib
 * java -cp 'lib/*' Backend.java
 * </pre>
 */
public final class Backend {
  private static final String API_URL = setting("API_URL", "http://127.0.0.1:9001/api");
  private static final String API_KEY = setting("API_KEY", "api-key-for-development");
  private static final String TOKEN_SECRET = setting("TOKEN_SECRET", "token-secret-for-development");
  private static final String HOOK_KEY = setting("HOOK_KEY", "hook-key-for-development");

  // Your application knows who is logged in, and who may see what.
  private static final Map<String, String> SESSIONS = Map.of("session-of-ann", "ann", "session-of-bob", "bob");
  private static final Map<String, Set<String>> MEMBERS =
      Map.of("room:lobby", Set.of("ann", "bob"), "room:staff", Set.of("ann"), "$vip", Set.of("ann"));

  private static final Pattern SESSION = Pattern.compile("(?:^|;\\s*)session=([^;]*)");
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private record Answer(int status, Object body) {}

  public static void main(String[] args) throws IOException {
    int port = Integer.parseInt(setting("PORT", "3000"));
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.setExecutor(Executors.newFixedThreadPool(8));
    server.createContext("/", Backend::handle);
    server.start();
    System.out.println("listens at http://127.0.0.1:" + server.getAddress().getPort());
  }

  private static void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      Answer answer;
      try {
        answer = exchange.getRequestURI().getPath().startsWith("/pharos/") ? forEdges(exchange) : forBrowsers(exchange);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (Exception e) {
        answer = new Answer(400, "bad request");
      }
      boolean isText = answer.body() instanceof String;
      byte[] body = isText ? ((String) answer.body()).getBytes(StandardCharsets.UTF_8) : JSON.writeValueAsBytes(answer.body());
      exchange.getResponseHeaders().set("Content-Type", isText ? "text/plain" : "application/json");
      exchange.sendResponseHeaders(answer.status(), body.length);
      exchange.getResponseBody().write(body);
    }
  }

  private static Answer forBrowsers(HttpExchange exchange) throws Exception {
    String user = userOf(exchange);
    if (user == null) return new Answer(401, "log in first");
    switch (exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath()) {
      case "GET /token": {
        String query = exchange.getRequestURI().getRawQuery();
        if (query == null) return new Answer(200, signedToken(Map.of("sub", user, "info", Map.of("name", user))));
        String channel = URLDecoder.decode(query.replaceFirst("^channel=", ""), StandardCharsets.UTF_8);
        if (!maySee(user, channel)) return new Answer(403, "not your channel");
        return new Answer(200, signedToken(Map.of("sub", user, "channel", channel)));
      }
      case "POST /messages": {
        JsonNode asked = bodyOf(exchange);
        String channel = asked.get("channel").asText();
        if (!maySee(user, channel)) return new Answer(403, "not your channel");
        JsonNode answer = publish(channel, Map.of("from", user, "text", asked.get("text")), asked.get("id").asText());
        return new Answer(answer.has("error") ? 502 : 200, answer);
      }
      default:
        return new Answer(404, "not found");
    }
  }

  private static Answer forEdges(HttpExchange exchange) throws Exception {
    // Whoever else finds these addresses is turned away.
    String key = exchange.getRequestHeaders().getFirst("X-Hook-Key");
    if (key == null || !MessageDigest.isEqual(key.getBytes(StandardCharsets.UTF_8), HOOK_KEY.getBytes(StandardCharsets.UTF_8))) {
      return new Answer(403, "forbidden");
    }
    JsonNode asked = bodyOf(exchange);
    switch (exchange.getRequestURI().getPath()) {
      case "/pharos/connect": {
        String user = userOf(exchange);
        if (user == null) return new Answer(200, Map.of("disconnect", Map.of("code", 4501, "reason", "log in first")));
        return new Answer(200, Map.of("result", Map.of("user", user, "info", Map.of("name", user))));
      }
      case "/pharos/subscribe": {
        boolean may = maySee(asked.get("user").asText(), asked.get("channel").asText());
        if (may) return new Answer(200, Map.of("result", Map.of()));
        return new Answer(200, Map.of("error", Map.of("code", 103, "message", "permission denied")));
      }
      case "/pharos/rpc":
        if (asked.get("method").asText().equals("greet")) {
          return new Answer(200, Map.of("result", Map.of("data", Map.of("text", "hello " + asked.get("user").asText()))));
        }
        return new Answer(200, Map.of("error", Map.of("code", 404, "message", "no such method")));
      default:
        return new Answer(404, "not found");
    }
  }

  /** Publishes once, however often it is tried: {@code id} is the key by which Pharos knows the publication again. */
  private static JsonNode publish(String channel, Object data, String id) throws IOException, InterruptedException {
    byte[] body = JSON.writeValueAsBytes(Map.of("channel", channel, "data", data, "idempotency_key", id));
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(API_URL + "/publish"))
            .header("Content-Type", "application/json")
            .header("X-API-Key", API_KEY)
            .timeout(Duration.ofSeconds(10))
            .POST(HttpRequest.BodyPublishers.ofByteArray(body))
            .build();
    JsonNode answer = JSON.valueToTree(Map.of("error", Map.of("code", 100, "message", "no answer")));
    for (int attempt = 0; attempt < 3; attempt++) {
      try {
        answer = JSON.readTree(HTTP.send(request, HttpResponse.BodyHandlers.ofByteArray()).body());
      } catch (IOException e) {
        continue; // no answer: it may have been published or not
      }
      // 100 is temporary: the outcome may not be known yet.
      if (answer.path("error").path("code").asInt() != 100) break;
    }
    return answer;
  }

  /** A JWT, signed by HS256. With {@code channel} it is one to subscribe with, without it one to connect with. */
  private static String signedToken(Map<String, Object> claims) throws IOException, GeneralSecurityException {
    long now = Instant.now().getEpochSecond();
    Map<String, Object> all = new LinkedHashMap<>(claims);
    all.put("iat", now);
    all.put("exp", now + 600);
    Base64.Encoder base64 = Base64.getUrlEncoder().withoutPadding();
    String header = base64.encodeToString(JSON.writeValueAsBytes(Map.of("alg", "HS256", "typ", "JWT")));
    String signed = header + "." + base64.encodeToString(JSON.writeValueAsBytes(all));
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(TOKEN_SECRET.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
    return signed + "." + base64.encodeToString(mac.doFinal(signed.getBytes(StandardCharsets.US_ASCII)));
  }

  private static String userOf(HttpExchange exchange) {
    String cookie = exchange.getRequestHeaders().getFirst("Cookie");
    Matcher session = SESSION.matcher(cookie == null ? "" : cookie);
    return session.find() ? SESSIONS.get(session.group(1)) : null;
  }

  private static boolean maySee(String user, String channel) {
    return MEMBERS.getOrDefault(channel, Set.of()).contains(user);
  }

  private static JsonNode bodyOf(HttpExchange exchange) throws IOException {
    return JSON.readTree(exchange.getRequestBody().readNBytes(65_536));
  }

  private static String setting(String name, String fallback) {
    return System.getenv().getOrDefault(name, fallback);
  }
}
