// Package line speaks the line protocol of ../../README.md, for peers written in Go.
package line

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
)

// Message is the payload of any message, in the protocol's encoding of values.
type Message struct {
	URI    string         `json:"uri,omitempty"`
	Error  string         `json:"error,omitempty"`
	Args   []any          `json:"args"`
	Kwargs map[string]any `json:"kwargs"`
}

// Endpoint says how to reach the router.
type Endpoint struct {
	Transport  string
	Serializer string
	URL        string
	Host       string
	Port       int
	Path       string
	Realm      string
	Auth       *Credentials
}

// Credentials say how to log in: by ticket, password, or private key in hex.
type Credentials struct {
	Method string
	AuthID string
	Secret string
}

// Welcome is what the client tells its application of its session.
type Welcome struct {
	AuthID     string `json:"authid"`
	AuthRole   string `json:"authrole"`
	AuthMethod string `json:"authmethod,omitempty"`
}

// CallError is what a call is rejected with.
type CallError struct {
	URI    string
	Args   []any
	Kwargs map[string]any
}

func (e *CallError) Error() string { return e.URI }

// Handler answers an invocation; a CallError as the error becomes the call's.
type Handler func(args []any, kwargs map[string]any) ([]any, map[string]any, *CallError)

// Offered is a procedure that takes its time.
type Offered struct {
	// Count of progressive results that it sends first, where they are asked for.
	Count int
	// Waits until it is interrupted, which it then tells Hear; otherwise it answers "done".
	Waits bool
	Hear  func(args []any, kwargs map[string]any)
}

// Values of one message.
type Values struct {
	Args   []any
	Kwargs map[string]any
}

// Followed is a call that may last.
type Followed struct {
	Values
	Procedure  string
	Mode       string
	Chunks     []Values
	OnProgress func(args []any, kwargs map[string]any)
}

// Peer is a session of the client under test.
type Peer interface {
	Register(procedure string, handler Handler) error
	Subscribe(topic string, handler func(args []any, kwargs map[string]any)) error
	// Call returns a *CallError for an ERROR.
	Call(procedure string, args []any, kwargs map[string]any) ([]any, map[string]any, error)
	Publish(topic string, args []any, kwargs map[string]any) error
	Offer(procedure string, offered Offered) error
	// Follow makes a call that may last, and returns as Call does.
	Follow(ctx context.Context, call Followed) ([]any, map[string]any, error)
	Leave() error
	Welcome() Welcome
	// Bytes makes of bytes what this client wants to be given for them.
	Bytes(b []byte) any
}

type command struct {
	ID      int    `json:"id"`
	Do      string `json:"do"`
	Session string `json:"session"`
	Endpoint
	Procedures []struct {
		Procedure string
		Answer    Message
		Count     int
		Waits     bool
	}
	Topics []string
	Calls  []struct {
		Procedure string
		Message
	}
	Events []struct {
		Topic string
		Message
	}
	Count     int
	Procedure string
	Message
	Mode   string
	Chunks []Message
}

type answer struct {
	ID       int       `json:"id"`
	Failure  string    `json:"failure,omitempty"`
	Results  []Message `json:"results,omitempty"`
	Progress []Message `json:"progress,omitempty"`
	Heard    []Message `json:"heard,omitempty"`
	Welcome  *Welcome  `json:"welcome,omitempty"`
}

type session struct {
	peer  Peer
	mutex sync.Mutex
	more  *sync.Cond
	heard []Message
	// Of the call that is followed.
	cancel context.CancelFunc
}

func (s *session) hear(uri string, args []any, kwargs map[string]any) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.heard = append(s.heard, Message{URI: uri, Args: encodeList(args), Kwargs: encodeDict(kwargs)})
	s.more.Broadcast()
}

// take waits until so many messages were heard, and forgets them.
func (s *session) take(count int) []Message {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for len(s.heard) < count {
		s.more.Wait()
	}
	heard := s.heard
	s.heard = nil
	return heard
}

// Serve carries out commands from standard input until it ends.
func Serve(connect func(Endpoint) (Peer, error)) {
	var mutex sync.Mutex // of sessions and of standard output
	sessions := map[string]*session{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			panic(err)
		}
		go func() {
			out := answer{ID: c.ID}
			var err error
			if c.Do == "connect" {
				s := &session{}
				s.more = sync.NewCond(&s.mutex)
				if s.peer, err = connect(c.Endpoint); err == nil {
					mutex.Lock()
					sessions[c.Session] = s
					mutex.Unlock()
					if c.Auth != nil {
						welcome := s.peer.Welcome()
						out.Welcome = &welcome
					}
				}
			} else {
				mutex.Lock()
				s := sessions[c.Session]
				mutex.Unlock()
				if s == nil {
					err = fmt.Errorf("no session %s", c.Session)
				} else {
					err = s.run(&c, &out)
				}
			}
			if err != nil {
				out.Failure = err.Error()
			}
			text, err := json.Marshal(out)
			if err != nil {
				panic(err)
			}
			mutex.Lock()
			defer mutex.Unlock()
			fmt.Println(string(text))
		}()
	}
}

func (s *session) run(c *command, out *answer) error {
	switch c.Do {
	case "register":
		return each(len(c.Procedures), func(i int) error {
			procedure := c.Procedures[i].Procedure
			reply := c.Procedures[i].Answer
			return s.peer.Register(procedure, func(args []any, kwargs map[string]any) ([]any, map[string]any, *CallError) {
				s.hear(procedure, args, kwargs)
				outArgs, outKwargs := s.decode(reply)
				if reply.Error != "" {
					return nil, nil, &CallError{reply.Error, outArgs, outKwargs}
				}
				return outArgs, outKwargs, nil
			})
		})
	case "subscribe":
		return each(len(c.Topics), func(i int) error {
			return s.peer.Subscribe(c.Topics[i], func(args []any, kwargs map[string]any) { s.hear(c.Topics[i], args, kwargs) })
		})
	case "call":
		out.Results = make([]Message, len(c.Calls))
		return each(len(c.Calls), func(i int) error {
			inArgs, inKwargs := s.decode(c.Calls[i].Message)
			args, kwargs, err := s.peer.Call(c.Calls[i].Procedure, inArgs, inKwargs)
			if callError, ok := err.(*CallError); ok {
				out.Results[i] = Message{Error: callError.URI, Args: encodeList(callError.Args), Kwargs: encodeDict(callError.Kwargs)}
				return nil
			}
			out.Results[i] = Message{Args: encodeList(args), Kwargs: encodeDict(kwargs)}
			return err
		})
	case "publish":
		for _, event := range c.Events {
			args, kwargs := s.decode(event.Message)
			if err := s.peer.Publish(event.Topic, args, kwargs); err != nil {
				return err
			}
		}
		return nil
	case "offer":
		return each(len(c.Procedures), func(i int) error {
			procedure := c.Procedures[i]
			hear := func(args []any, kwargs map[string]any) { s.hear(procedure.Procedure, args, kwargs) }
			return s.peer.Offer(procedure.Procedure, Offered{procedure.Count, procedure.Waits, hear})
		})
	case "follow":
		call := Followed{Values: s.values(c.Message), Procedure: c.Procedure, Mode: c.Mode}
		for _, chunk := range c.Chunks {
			call.Chunks = append(call.Chunks, s.values(chunk))
		}
		call.OnProgress = func(args []any, kwargs map[string]any) {
			out.Progress = append(out.Progress, Message{Args: encodeList(args), Kwargs: encodeDict(kwargs)})
		}
		ctx, cancel := context.WithCancel(context.Background())
		s.mutex.Lock()
		s.cancel = cancel
		s.mutex.Unlock()
		args, kwargs, err := s.peer.Follow(ctx, call)
		result := Message{Args: encodeList(args), Kwargs: encodeDict(kwargs)}
		if callError, ok := err.(*CallError); ok {
			result.Error = callError.URI
		} else if err != nil {
			result.Error = "cancelled"
		}
		out.Results = []Message{result}
		return nil
	case "cancel":
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.cancel()
		return nil
	case "take":
		out.Heard = s.take(c.Count)
		return nil
	case "leave":
		return s.peer.Leave()
	}
	return fmt.Errorf("unknown command %s", c.Do)
}

// each does n things at once, as an application's goroutines would, and gives the first error.
func each(n int, do func(i int) error) error {
	errors := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errors[i] = do(i) })
	}
	all.Wait()
	for _, err := range errors {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *session) decode(m Message) ([]any, map[string]any) {
	args, _ := s.value(m.Args).([]any)
	kwargs, _ := s.value(m.Kwargs).(map[string]any)
	return args, kwargs
}

func (s *session) values(m Message) Values {
	args, kwargs := s.decode(m)
	return Values{args, kwargs}
}

func (s *session) value(value any) any {
	switch v := value.(type) {
	case float64:
		return int64(v) // whole, and within ±(2^53-1): see README.md
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = s.value(item)
		}
		return list
	case map[string]any:
		if text, ok := v["$bytes"].(string); ok {
			b, _ := base64.StdEncoding.DecodeString(text)
			return s.peer.Bytes(b)
		}
		if text, ok := v["$int"].(string); ok {
			if i, err := strconv.ParseInt(text, 10, 64); err == nil {
				return i
			}
			u, _ := strconv.ParseUint(text, 10, 64)
			return u
		}
		if number, ok := v["$float"].(float64); ok {
			return number
		}
		dict := make(map[string]any, len(v))
		for key, item := range v {
			dict[key] = s.value(item)
		}
		return dict
	}
	return value
}

func encodeList(list []any) []any {
	out := make([]any, len(list))
	for i, item := range list {
		out[i] = encode(item)
	}
	return out
}

func encodeDict(dict map[string]any) map[string]any {
	out := make(map[string]any, len(dict))
	for key, item := range dict {
		out[key] = encode(item)
	}
	return out
}

const maxSafe = 1<<53 - 1

func encode(value any) any {
	switch v := value.(type) {
	case nil, bool, string:
		return v
	case float64:
		return map[string]any{"$float": v}
	case float32:
		return map[string]any{"$float": float64(v)}
	case []byte:
		return map[string]any{"$bytes": base64.StdEncoding.EncodeToString(v)}
	case []any:
		return encodeList(v)
	case map[string]any:
		return encodeDict(v)
	case int64:
		return integer(v)
	case int, int8, int16, int32:
		i, _ := strconv.ParseInt(fmt.Sprint(v), 10, 64)
		return integer(i)
	case uint, uint8, uint16, uint32, uint64:
		u, _ := strconv.ParseUint(fmt.Sprint(v), 10, 64)
		if u <= maxSafe {
			return integer(int64(u))
		}
		return map[string]any{"$int": strconv.FormatUint(u, 10)}
	}
	return map[string]any{"$other": fmt.Sprintf("%T", value)}
}

func integer(i int64) any {
	if i > maxSafe || i < -maxSafe {
		return map[string]any{"$int": strconv.FormatInt(i, 10)}
	}
	return i
}
