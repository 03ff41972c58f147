// A service in Go, with nexus: it joins as the server that started it says in the environment, and adds numbers.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/gammazero/nexus/v3/client"
	"github.com/gammazero/nexus/v3/wamp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ticket := func(*wamp.Challenge) (string, wamp.Dict) { return os.Getenv("JUNCTOR_TICKET"), wamp.Dict{} }
	session, err := client.ConnectNet(ctx, os.Getenv("JUNCTOR_URL"), client.Config{
		Realm:        os.Getenv("JUNCTOR_REALM"),
		HelloDetails: wamp.Dict{"authid": os.Getenv("JUNCTOR_AUTHID")},
		AuthHandlers: map[string]client.AuthFunc{"ticket": ticket},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	if err := session.Register("com.app.go.add", add, nil); err != nil {
		log.Fatal(err)
	}
	select {
	case <-ctx.Done():
	case <-session.Done():
		log.Fatal("the router has gone")
	}
}

func add(_ context.Context, call *wamp.Invocation) client.InvokeResult {
	a, _ := wamp.AsInt64(call.Arguments[0])
	b, _ := wamp.AsInt64(call.Arguments[1])
	return client.InvokeResult{Args: wamp.List{a + b}}
}
