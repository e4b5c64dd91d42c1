// A backend for Pharos over plain HTTP: it signs tokens, publishes, and answers what edges ask. It needs no modules.
//
//	go run backend.go
package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"time"
)

var (
	port        = setting("PORT", "3000")
	apiURL      = setting("API_URL", "http://127.0.0.1:9001/api")
	apiKey      = setting("API_KEY", "api-key-for-development")
	tokenSecret = setting("TOKEN_SECRET", "token-secret-for-development")
	hookKey     = setting("HOOK_KEY", "hook-key-for-development")
)

// Your application knows who is logged in, and who may see what.
var (
	sessions = map[string]string{"session-of-ann": "ann", "session-of-bob": "bob"}
	members  = map[string][]string{
		"room:lobby": {"ann", "bob"},
		"room:staff": {"ann"},
		"$vip":       {"ann"},
	}
)

type object map[string]any

// What the server API answers.
type published struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  *failure        `json:"error,omitempty"`
}

type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// The part that is used here of what edges ask.
type question struct {
	User    string `json:"user"`
	Channel string `json:"channel"`
	Method  string `json:"method"`
}

var client = &http.Client{Timeout: 10 * time.Second}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("/token", token)
	mux.HandleFunc("/messages", messages)
	mux.HandleFunc("/pharos/connect", hook(connect))
	mux.HandleFunc("/pharos/subscribe", hook(subscribe))
	mux.HandleFunc("/pharos/rpc", hook(rpc))
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listens at http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, mux))
}

func token(w http.ResponseWriter, r *http.Request) {
	user, ok := userOf(r)
	if !ok {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	claims := object{"sub": user, "info": object{"name": user}}
	if channel := r.URL.Query().Get("channel"); channel != "" {
		if !maySee(user, channel) {
			http.Error(w, "not your channel", http.StatusForbidden)
			return
		}
		claims = object{"sub": user, "channel": channel}
	}
	signed, err := signedToken(claims)
	if err != nil {
		http.Error(w, "no token", http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, signed)
}

func messages(w http.ResponseWriter, r *http.Request) {
	user, ok := userOf(r)
	if !ok {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	var message struct{ ID, Channel, Text string }
	if r.Method != http.MethodPost || read(w, r, &message) != nil {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	if !maySee(user, message.Channel) {
		http.Error(w, "not your channel", http.StatusForbidden)
		return
	}
	answer := publish(message.Channel, object{"from": user, "text": message.Text}, message.ID)
	if answer.Error != nil {
		write(w, http.StatusBadGateway, answer)
		return
	}
	write(w, http.StatusOK, answer)
}

// hook answers edges; whoever else finds its address is turned away.
func hook(decide func(*http.Request, question) object) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Hook-Key")), []byte(hookKey)) != 1 {
			http.Error(w, "forbidden", http.StatusForbidden)
			return
		}
		var asked question
		if read(w, r, &asked) != nil {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		write(w, http.StatusOK, decide(r, asked))
	}
}

func connect(r *http.Request, _ question) object {
	user, ok := userOf(r)
	if !ok {
		return object{"disconnect": object{"code": 4501, "reason": "log in first"}}
	}
	return object{"result": object{"user": user, "info": object{"name": user}}}
}

func subscribe(_ *http.Request, asked question) object {
	if !maySee(asked.User, asked.Channel) {
		return object{"error": failure{103, "permission denied"}}
	}
	return object{"result": object{}}
}

func rpc(_ *http.Request, asked question) object {
	if asked.Method != "greet" {
		return object{"error": failure{404, "no such method"}}
	}
	return object{"result": object{"data": object{"text": "hello " + asked.User}}}
}

// publish publishes once, however often it is tried: id is the key by which Pharos knows the publication again.
func publish(channel string, data any, id string) published {
	unknown := published{Error: &failure{100, "no answer"}}
	body, err := json.Marshal(object{"channel": channel, "data": data, "idempotency_key": id})
	if err != nil {
		return unknown
	}
	answer := unknown
	// 100 is temporary, and so is no answer at all: it may have been published or not.
	for attempt := 0; attempt < 3 && answer.Error != nil && answer.Error.Code == 100; attempt++ {
		if next, err := post(apiURL+"/publish", body); err == nil {
			answer = next
		}
	}
	return answer
}

func post(url string, body []byte) (answer published, err error) {
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-API-Key", apiKey)
	response, err := client.Do(request)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	return answer, json.NewDecoder(response.Body).Decode(&answer)
}

// signedToken makes a JWT, signed by HS256. With a channel it is one to subscribe with, without it one to connect with.
func signedToken(claims object) (string, error) {
	now := time.Now().Unix()
	claims["iat"], claims["exp"] = now, now+600
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(body)
	mac := hmac.New(sha256.New, []byte(tokenSecret))
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil)), nil
}

func userOf(r *http.Request) (string, bool) {
	cookie, err := r.Cookie("session")
	if err != nil {
		return "", false
	}
	user, ok := sessions[cookie.Value]
	return user, ok
}

func maySee(user, channel string) bool {
	return slices.Contains(members[channel], user)
}

func read(w http.ResponseWriter, r *http.Request, into any) error {
	return json.NewDecoder(http.MaxBytesReader(w, r.Body, 65_536)).Decode(into)
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err)
	}
}

func setting(name, fallback string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return fallback
}
