// The official Go SDK, at the command of a test: one JSON document a line.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge-go"
)

const wait = 30 * time.Second

// told is something that grows, and who waits for it.
type told[T any] struct {
	mutex   sync.Mutex
	items   []T
	changed chan struct{}
}

func newTold[T any]() *told[T] { return &told[T]{items: []T{}, changed: make(chan struct{})} }

func (t *told[T]) add(item T) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.items = append(t.items, item)
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *told[T]) atLeast(count int) ([]T, error) {
	giveUp := time.After(wait)
	for {
		t.mutex.Lock()
		items, changed := t.items, t.changed
		t.mutex.Unlock()
		if len(items) >= count {
			return items, nil
		}
		select {
		case <-changed:
		case <-giveUp:
			return nil, fmt.Errorf("%d of %d came", len(items), count)
		}
	}
}

type subscribed struct {
	Recoverable   bool `json:"recoverable"`
	Positioned    bool `json:"positioned"`
	WasRecovering bool `json:"wasRecovering"`
	Recovered     bool `json:"recovered"`
}

type received struct {
	Offset uint64          `json:"offset"`
	Data   json.RawMessage `json:"data"`
}

type room struct {
	answers      *told[subscribed]
	publications *told[received]
}

type guest struct {
	client *centrifuge.Client
	ids    *told[string]
	rooms  map[string]*room
}

type params struct {
	Client   string          `json:"client"`
	URL      string          `json:"url"`
	Encoding string          `json:"encoding"`
	TokenURL string          `json:"tokenUrl"`
	Channel  string          `json:"channel"`
	Method   string          `json:"method"`
	Data     json.RawMessage `json:"data"`
	Limit    int             `json:"limit"`
	Reverse  bool            `json:"reverse"`
	Count    int             `json:"count"`
}

var (
	mutex  sync.Mutex
	guests = map[string]*guest{}
)

func find(name string) *guest {
	mutex.Lock()
	defer mutex.Unlock()
	return guests[name]
}

func fetch(url string) (string, error) {
	response, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	token, err := io.ReadAll(response.Body)
	return string(token), err
}

func open(p params) (any, error) {
	config := centrifuge.Config{
		GetToken:          func(centrifuge.ConnectionTokenEvent) (string, error) { return fetch(p.TokenURL) },
		ReadTimeout:       wait,
		WriteTimeout:      wait,
		HandshakeTimeout:  wait,
		MinReconnectDelay: 50 * time.Millisecond,
		MaxReconnectDelay: 200 * time.Millisecond,
	}
	newClient := centrifuge.NewProtobufClient
	if p.Encoding == "json" {
		newClient = centrifuge.NewJsonClient
	}
	one := &guest{client: newClient(p.URL, config), ids: newTold[string](), rooms: map[string]*room{}}
	one.client.OnConnected(func(e centrifuge.ConnectedEvent) { one.ids.add(e.ClientID) })
	mutex.Lock()
	guests[p.Client] = one
	mutex.Unlock()
	if err := one.client.Connect(); err != nil {
		return nil, err
	}
	_, err := one.ids.atLeast(1)
	return nil, err
}

func subscribe(one *guest, p params) (any, error) {
	config := centrifuge.SubscriptionConfig{Recoverable: true}
	if p.TokenURL != "" {
		config.GetToken = func(centrifuge.SubscriptionTokenEvent) (string, error) { return fetch(p.TokenURL) }
	}
	subscription, err := one.client.NewSubscription(p.Channel, config)
	if err != nil {
		return nil, err
	}
	there := &room{answers: newTold[subscribed](), publications: newTold[received]()}
	mutex.Lock()
	one.rooms[p.Channel] = there
	mutex.Unlock()
	subscription.OnSubscribed(func(e centrifuge.SubscribedEvent) {
		there.answers.add(subscribed{e.Recoverable, e.Positioned, e.WasRecovering, e.Recovered})
	})
	subscription.OnPublication(func(e centrifuge.PublicationEvent) {
		there.publications.add(received{e.Offset, e.Data})
	})
	if err := subscription.Subscribe(); err != nil {
		return nil, err
	}
	answers, err := there.answers.atLeast(1)
	if err != nil {
		return nil, err
	}
	return answers[0], nil
}

func roomOf(one *guest, channel string) *room {
	mutex.Lock()
	defer mutex.Unlock()
	return one.rooms[channel]
}

func presence(one *guest, p params) (any, error) {
	result, err := one.client.Presence(context.Background(), p.Channel)
	all := []map[string]string{}
	for _, info := range result.Clients {
		all = append(all, map[string]string{"client": info.Client, "user": info.User})
	}
	return all, err
}

func history(one *guest, p params) (any, error) {
	result, err := one.client.History(context.Background(), p.Channel,
		centrifuge.WithHistoryLimit(int32(p.Limit)), centrifuge.WithHistoryReverse(p.Reverse))
	publications := []received{}
	for _, publication := range result.Publications {
		publications = append(publications, received{publication.Offset, publication.Data})
	}
	return map[string]any{"offset": result.Offset, "publications": publications}, err
}

func run(method string, p params) (any, error) {
	if method == "open" {
		return open(p)
	}
	one := find(p.Client)
	if one == nil {
		return nil, fmt.Errorf("there is no client %q", p.Client)
	}
	ctx := context.Background()
	switch method {
	case "subscribe":
		return subscribe(one, p)
	case "publish":
		_, err := one.client.Publish(ctx, p.Channel, p.Data)
		return nil, err
	case "rpc":
		result, err := one.client.RPC(ctx, p.Method, p.Data)
		return json.RawMessage(result.Data), err
	case "presence":
		return presence(one, p)
	case "presenceStats":
		result, err := one.client.PresenceStats(ctx, p.Channel)
		return map[string]int{"clients": result.NumClients, "users": result.NumUsers}, err
	case "history":
		return history(one, p)
	case "publications":
		return roomOf(one, p.Channel).publications.atLeast(p.Count)
	case "answers":
		return roomOf(one, p.Channel).answers.atLeast(p.Count)
	case "ids":
		return one.ids.atLeast(0)
	case "close":
		one.client.Close()
		return nil, nil
	default:
		return nil, fmt.Errorf("there is no command %q", method)
	}
}

func main() {
	type request struct {
		ID     int    `json:"id"`
		Method string `json:"method"`
		Params params `json:"params"`
	}
	type answer struct {
		ID     int    `json:"id"`
		Result any    `json:"result"`
		Error  string `json:"error,omitempty"`
	}
	var output sync.Mutex
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go func() {
			given := answer{ID: asked.ID}
			result, err := run(asked.Method, asked.Params)
			if err != nil {
				given.Error = err.Error()
			} else {
				given.Result = result
			}
			line, err := json.Marshal(given)
			if err != nil {
				line, _ = json.Marshal(answer{ID: asked.ID, Error: err.Error()})
			}
			output.Lock()
			defer output.Unlock()
			fmt.Println(string(line))
		}()
	}
}
