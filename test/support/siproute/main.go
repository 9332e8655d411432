// siproute asks a LiveKit server what becomes of an INVITE, as LiveKit's SIP service asks it: which trunk is it on, then
// which dispatch rule takes it. It prints the answer as one line of JSON, with the token that the SIP participant joins with.
//
// The server is reached through its Redis (SIP_ROUTE_REDIS, host:port); LIVEKIT_API_KEY and LIVEKIT_API_SECRET sign the token.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/redis"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/protocol/sip"
	"github.com/livekit/psrpc"
)

// A server that has just come up may not have subscribed to the bus yet.
const (
	attempts       = 5
	attemptTimeout = 2 * time.Second
)

// invite is what the SIP service knows of a call when its INVITE comes in.
type invite struct {
	from, to, source string
}

// answer is what the server makes of it.
type answer struct {
	Result     string            `json:"result"`
	TrunkID    string            `json:"trunkId"`
	RuleID     string            `json:"ruleId"`
	CallID     string            `json:"callId"`
	Room       string            `json:"room"`
	Identity   string            `json:"identity"`
	Attributes map[string]string `json:"attributes"`
	Token      string            `json:"token"`
}

func main() {
	var asked invite
	flag.StringVar(&asked.from, "from", "", "the caller's number")
	flag.StringVar(&asked.to, "to", "", "the dialed number")
	flag.StringVar(&asked.source, "source", "54.172.60.1", "the address that the INVITE comes from")
	flag.Parse()
	if err := run(asked); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(asked invite) error {
	client, err := connect(os.Getenv("SIP_ROUTE_REDIS"))
	if err != nil {
		return err
	}
	var given *answer
	for attempt := 0; attempt < attempts; attempt++ {
		given, err = route(client, asked)
		if !errors.Is(err, psrpc.ErrNoResponse) && !errors.Is(err, psrpc.ErrRequestTimedOut) && !errors.Is(err, context.DeadlineExceeded) {
			break
		}
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(given)
}

func connect(address string) (rpc.IOInfoClient, error) {
	bus, err := redis.GetRedisClient(&redis.RedisConfig{Address: address})
	if err != nil {
		return nil, err
	}
	return rpc.NewIOInfoClient(psrpc.NewRedisMessageBus(bus))
}

func route(client rpc.IOInfoClient, asked invite) (*answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	call := &rpc.SIPCall{
		LkCallId: sip.NewCallID(),
		SourceIp: asked.source,
		From:     &livekit.SIPUri{User: asked.from, Host: asked.source},
		To:       &livekit.SIPUri{User: asked.to, Host: "sip.test"},
		Address:  &livekit.SIPUri{User: asked.to, Host: "sip.test"},
	}
	trunk, err := client.GetSIPTrunkAuthentication(ctx, &rpc.GetSIPTrunkAuthenticationRequest{Call: call})
	if err != nil {
		return nil, fmt.Errorf("which trunk: %w", err)
	}
	rule, err := client.EvaluateSIPDispatchRules(ctx, &rpc.EvaluateSIPDispatchRulesRequest{
		Call: call, SipCallId: call.LkCallId, SipTrunkId: trunk.SipTrunkId, CallingNumber: asked.from, CalledNumber: asked.to,
	})
	if err != nil {
		return nil, fmt.Errorf("which rule: %w", err)
	}
	given := &answer{
		Result: rule.Result.String(), TrunkID: rule.SipTrunkId, RuleID: rule.SipDispatchRuleId, CallID: call.LkCallId,
		Room: rule.RoomName, Identity: rule.ParticipantIdentity, Attributes: ringing(rule),
	}
	if rule.Result == rpc.SIPDispatchResult_ACCEPT {
		given.Token, err = ticket(rule, given.Attributes)
	}
	return given, err
}

// ringing is how the SIP service describes a call that nobody has answered yet.
func ringing(rule *rpc.EvaluateSIPDispatchRulesResponse) map[string]string {
	attributes := maps.Clone(rule.ParticipantAttributes)
	if attributes == nil {
		attributes = map[string]string{}
	}
	attributes["sip.callStatus"] = "ringing"
	return attributes
}

func ticket(rule *rpc.EvaluateSIPDispatchRulesResponse, attributes map[string]string) (string, error) {
	if rule.Token != "" {
		return rule.Token, nil
	}
	return sip.BuildSIPToken(sip.SIPTokenParams{
		APIKey: os.Getenv("LIVEKIT_API_KEY"), APISecret: os.Getenv("LIVEKIT_API_SECRET"),
		RoomName: rule.RoomName, RoomPreset: rule.RoomPreset, RoomConfig: rule.RoomConfig,
		ParticipantIdentity: rule.ParticipantIdentity, ParticipantName: rule.ParticipantName,
		ParticipantMetadata: rule.ParticipantMetadata, ParticipantAttributes: attributes,
	})
}
