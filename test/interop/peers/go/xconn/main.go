// The client of xconn as a peer.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/xconnio/wampproto-go/auth"
	"github.com/xconnio/xconn-go"

	"interop/line"
)

var specs = map[string]xconn.SerializerSpec{
	"json":    xconn.JSONSerializerSpec,
	"msgpack": xconn.MsgPackSerializerSpec,
	"cbor":    xconn.CBORSerializerSpec,
}

type peer struct{ session *xconn.Session }

func main() { line.Serve(connect) }

func connect(e line.Endpoint) (line.Peer, error) {
	url := e.URL
	switch e.Transport {
	case "rawsocket":
		url = fmt.Sprintf("rs://%s:%d", e.Host, e.Port)
	case "unix-rawsocket":
		url = "unix+rs://" + e.Path
	case "unix-websocket":
		url = "unix+ws://" + e.Path
	}
	c := xconn.Client{SerializerSpec: specs[e.Serializer]}
	if e.Auth != nil {
		authenticator, err := authenticatorFor(*e.Auth)
		if err != nil {
			return nil, err
		}
		c.Authenticator = authenticator
	}
	session, err := c.Connect(context.Background(), url, e.Realm)
	if err != nil {
		return nil, err
	}
	return &peer{session}, nil
}

func authenticatorFor(c line.Credentials) (auth.ClientAuthenticator, error) {
	switch c.Method {
	case "ticket":
		return auth.NewTicketAuthenticator(c.AuthID, c.Secret, nil), nil
	case "wampcra":
		return auth.NewWAMPCRAAuthenticator(c.AuthID, c.Secret, nil), nil
	case "cryptosign":
		return auth.NewCryptoSignAuthenticator(c.AuthID, c.Secret, nil)
	}
	return nil, fmt.Errorf("xconn has no method %s", c.Method)
}

func (p *peer) Welcome() line.Welcome {
	details := p.session.Details()
	return line.Welcome{AuthID: details.AuthID(), AuthRole: details.AuthRole(), AuthMethod: details.AuthMethod()}
}

func (p *peer) Register(procedure string, handler line.Handler) error {
	return p.session.Register(procedure, func(_ context.Context, i *xconn.Invocation) *xconn.InvocationResult {
		args, kwargs, err := handler(i.Args(), i.Kwargs())
		if err != nil {
			return &xconn.InvocationResult{Err: err.URI, Args: err.Args, Kwargs: err.Kwargs}
		}
		return &xconn.InvocationResult{Args: args, Kwargs: kwargs}
	}).Do().Err
}

func (p *peer) Subscribe(topic string, handler func([]any, map[string]any)) error {
	return p.session.Subscribe(topic, func(e *xconn.Event) { handler(e.Args(), e.Kwargs()) }).Do().Err
}

func (p *peer) Call(procedure string, args []any, kwargs map[string]any) ([]any, map[string]any, error) {
	return answer(p.session.Call(procedure).Args(args...).Kwargs(kwargs).Do())
}

// It is not interrupted.
func (p *peer) Offer(procedure string, offered line.Offered) error {
	return p.session.Register(procedure, func(_ context.Context, i *xconn.Invocation) *xconn.InvocationResult {
		offered.Hear(i.Args(), i.Kwargs())
		if i.Progress() {
			return xconn.NewInvocationError(xconn.ErrNoResult)
		}
		for n := 0; i.SendProgress != nil && n < offered.Count; n++ {
			if err := i.SendProgress([]any{n}, nil); err != nil {
				break
			}
		}
		if offered.Waits {
			select {}
		}
		return xconn.NewInvocationResult("done")
	}).Do().Err
}

func (p *peer) Follow(ctx context.Context, call line.Followed) ([]any, map[string]any, error) {
	onProgress := func(r *xconn.ProgressResult) { call.OnProgress(r.Args(), r.Kwargs()) }
	request := p.session.Call(call.Procedure).ProgressReceiver(onProgress)
	if call.Chunks == nil {
		return answer(request.Args(call.Args...).Kwargs(call.Kwargs).DoContext(ctx))
	}
	chunks := append([]line.Values{call.Values}, call.Chunks...)
	next := func(context.Context) *xconn.Progress {
		chunk := chunks[0]
		chunks = chunks[1:]
		options := map[string]any{"progress": len(chunks) > 0}
		return &xconn.Progress{Args: chunk.Args, Kwargs: chunk.Kwargs, Options: options}
	}
	return answer(request.ProgressSender(next).DoContext(ctx))
}

func answer(result xconn.CallResponse) ([]any, map[string]any, error) {
	var callError *xconn.Error
	if errors.As(result.Err, &callError) {
		return nil, nil, &line.CallError{URI: callError.URI, Args: callError.Args, Kwargs: callError.Kwargs}
	}
	if result.Err != nil {
		return nil, nil, result.Err
	}
	return result.Args(), result.Kwargs(), nil
}

func (p *peer) Publish(topic string, args []any, kwargs map[string]any) error {
	return p.session.Publish(topic).Args(args...).Kwargs(kwargs).Acknowledge(true).Do().Err
}

func (p *peer) Leave() error { return p.session.Leave() }

func (p *peer) Bytes(b []byte) any { return b }
