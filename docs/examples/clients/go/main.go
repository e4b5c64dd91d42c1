// go run .
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"

	"github.com/centrifugal/centrifuge-go"
)

var (
	wsURL    = setting("URL", "ws://127.0.0.1:9001/connection/websocket")
	tokenURL = setting("TOKEN_URL", "http://127.0.0.1:3000/token")
)

func main() {
	client := centrifuge.NewJsonClient(wsURL, centrifuge.Config{
		GetToken: func(centrifuge.ConnectionTokenEvent) (string, error) { return getToken("") },
	})
	defer client.Close()
	client.OnConnected(func(e centrifuge.ConnectedEvent) { fmt.Println("connected:", e.ClientID) })
	client.OnConnecting(func(e centrifuge.ConnectingEvent) { fmt.Println("connecting:", e.Code, e.Reason) })
	client.OnDisconnected(func(e centrifuge.DisconnectedEvent) { fmt.Println("disconnected:", e.Code, e.Reason) })

	room, err := client.NewSubscription("room:lobby", centrifuge.SubscriptionConfig{Recoverable: true})
	check(err)
	room.OnPublication(func(e centrifuge.PublicationEvent) { fmt.Println("publication:", textOf(e.Data)) })
	room.OnSubscribed(func(e centrifuge.SubscribedEvent) {
		// After a lost connection: either everything that was missed comes now, or you load the state anew.
		switch {
		case !e.WasRecovering:
			fmt.Println("subscribed")
		case e.Recovered:
			fmt.Println("recovered")
		default:
			fmt.Println("not recovered: load the state anew")
		}
	})
	room.OnError(func(e centrifuge.SubscriptionErrorEvent) { fmt.Println("error:", e.Error) })

	// A channel that begins with $ needs a token of its own.
	vip, err := client.NewSubscription("$vip", centrifuge.SubscriptionConfig{
		GetToken: func(e centrifuge.SubscriptionTokenEvent) (string, error) {
			return getToken("?channel=" + url.QueryEscape(e.Channel))
		},
	})
	check(err)
	vip.OnSubscribed(func(centrifuge.SubscribedEvent) { fmt.Println("subscribed to $vip") })

	check(client.Connect())
	check(room.Subscribe())
	check(vip.Subscribe())

	ctx := context.Background()
	_, err = room.Publish(ctx, []byte(`{"text":"hello"}`))
	check(err)
	presence, err := room.Presence(ctx)
	check(err)
	for _, one := range presence.Clients {
		fmt.Println("presence:", one.User)
	}
	history, err := room.History(ctx, centrifuge.WithHistoryLimit(10), centrifuge.WithHistoryReverse(true))
	check(err)
	for _, one := range history.Publications {
		fmt.Println("history:", textOf(one.Data))
	}
	greeting, err := client.RPC(ctx, "greet", []byte("{}"))
	check(err)
	fmt.Println("rpc:", textOf(greeting.Data))
	select {}
}

// getToken asks your backend, which knows the user by a cookie.
func getToken(query string) (string, error) {
	request, err := http.NewRequest(http.MethodGet, tokenURL+query, nil)
	if err != nil {
		return "", err
	}
	request.AddCookie(&http.Cookie{Name: "session", Value: "session-of-ann"})
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err // the SDK asks again
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		token, err := io.ReadAll(response.Body)
		return string(token), err
	case http.StatusUnauthorized, http.StatusForbidden:
		return "", centrifuge.ErrUnauthorized
	default:
		return "", fmt.Errorf("no token: %s", response.Status)
	}
}

func textOf(data []byte) string {
	var message struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(data, &message); err != nil {
		return "(no JSON)"
	}
	return message.Text
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func setting(name, fallback string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return fallback
}
