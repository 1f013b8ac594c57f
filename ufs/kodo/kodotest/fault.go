package kodotest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is a way in which a request goes wrong.
type Fault string

// The faults. "Before" and "after" are relative to the effect of the request.
const (
	None         Fault = ""
	Slow         Fault = "slow"          // answered after Plan.Delay
	Stall        Fault = "stall"         // no answer for Plan.Stall, then the connection breaks
	StallBody    Fault = "stall-body"    // half of a download, then as Stall
	Error500     Fault = "500"           // before
	Error502HTML Fault = "502-html"      // before: a proxy's page, without X-Reqid
	Error503     Fault = "503"           // before
	Error504     Fault = "504-after"     // after: it was done all the same
	Error571     Fault = "571"           // before: throttled
	Error573     Fault = "573"           // before: throttled
	Error429     Fault = "429"           // before: throttled
	Error599     Fault = "599"           // before
	ResetBefore  Fault = "reset-before"  // connection reset, nothing done
	ResetAfter   Fault = "reset-after"   // connection reset, all done
	ResetBody    Fault = "reset-body"    // connection reset in the middle of a download
	ShortBody    Fault = "short-body"    // the connection ends early in an answer's body
	LongBody     Fault = "long-body"     // a download longer than asked for
	WrongRange   Fault = "wrong-range"   // a range answered with the whole object
	WrongHash    Fault = "wrong-hash"    // an upload answered with another hash
	WrongETag    Fault = "wrong-etag"    // a download labelled as another version
	NoReqid      Fault = "no-reqid"      // an answer without X-Reqid, as from a captive portal
	BadJSON      Fault = "bad-json"      // an answer that is not JSON
	StaleList    Fault = "stale-list"    // a listing from before the last changes
	EmptyPage    Fault = "empty-page"    // a page without entries, but with a marker
	Skew         Fault = "clock-skew"    // 403: request time too skewed
	Frozen       Fault = "frozen"        // 403: archived object
	DiskFull     Fault = "disk-full"     // the server cannot store an upload
	BadToken     Fault = "bad-token"     // 401 for a good token
	PartLost     Fault = "part-lost"     // complete: the upload is unknown
	BatchPartial Fault = "batch-partial" // some operations of a batch are throttled
)

// group is a set of operations that a fault can happen to.
type group func(op string) bool

func only(ops ...string) group {
	return func(op string) bool { return slices.Contains(ops, op) }
}

func anyOp(string) bool { return true }

var (
	downloads = only("get")
	stores    = only("form", "mkblk", "bput", "mkfile", "init", "part", "complete")
	mutations = func(op string) bool {
		return stores(op) || only("copy", "move", "delete", "batch", "abort")(op)
	}
	hashed   = only("form", "part", "complete", "mkfile")
	answered = func(op string) bool { return !downloads(op) }
	signed   = func(op string) bool { return only("stat", "copy", "move", "delete", "batch", "list")(op) }
)

// applies tells which operations each fault can happen to.
var applies = map[Fault]group{
	Slow: anyOp, Stall: anyOp, StallBody: downloads,
	Error500: anyOp, Error502HTML: anyOp, Error503: anyOp, Error504: mutations,
	Error571: anyOp, Error573: anyOp, Error429: anyOp, Error599: anyOp,
	ResetBefore: anyOp, ResetAfter: mutations, ResetBody: downloads,
	ShortBody: anyOp, LongBody: downloads, WrongRange: downloads,
	WrongHash: hashed, WrongETag: downloads, NoReqid: answered, BadJSON: answered,
	StaleList: only("list"), EmptyPage: only("list"),
	Skew: signed, Frozen: downloads, DiskFull: stores, BadToken: anyOp,
	PartLost: only("complete"), BatchPartial: only("batch"),
}

// Faults returns all faults by name.
func Faults() []Fault { return slices.Sorted(maps.Keys(applies)) }

// Applies reports whether f can happen to requests of the operation ("get",
// "stat", "form" …, as in the request log).
func (f Fault) Applies(op string) bool {
	can := applies[f]
	return can != nil && can(op)
}

// Plan lets a share of all requests fail, in an order that only the seed and
// the order of requests decide.
type Plan struct {
	Seed  uint64
	Rate  float64 // share of requests that fault, 0 to 1
	Kinds []Fault // picked from evenly, as far as they apply; nil is all
	Delay time.Duration
	Stall time.Duration
}

// ParsePlan reads "seed=1,rate=0.2,delay=50ms,stall=1s,kinds=503+573".
func ParsePlan(text string) (Plan, error) {
	plan := Plan{Seed: 1, Rate: 0.1}
	for _, field := range strings.Split(text, ",") {
		name, value, _ := strings.Cut(field, "=")
		var err error
		switch name {
		case "seed":
			plan.Seed, err = strconv.ParseUint(value, 10, 64)
		case "rate":
			plan.Rate, err = strconv.ParseFloat(value, 64)
		case "delay":
			plan.Delay, err = time.ParseDuration(value)
		case "stall":
			plan.Stall, err = time.ParseDuration(value)
		case "kinds":
			plan.Kinds, err = parseKinds(value)
		default:
			err = fmt.Errorf("unknown setting %q", name)
		}
		if err != nil {
			return Plan{}, fmt.Errorf("fault plan %q: %w", text, err)
		}
	}
	if plan.Rate < 0 || plan.Rate > 1 {
		return Plan{}, fmt.Errorf("fault plan %q: rate is not between 0 and 1", text)
	}
	return plan, nil
}

func parseKinds(list string) ([]Fault, error) {
	var kinds []Fault
	for _, name := range strings.Split(list, "+") {
		if applies[Fault(name)] == nil {
			return nil, fmt.Errorf("unknown fault %q; there are %v", name, Faults())
		}
		kinds = append(kinds, Fault(name))
	}
	return kinds, nil
}

// Rule makes the next requests that match it fault.
type Rule struct {
	Fault Fault
	Op    string // "" matches every operation that the fault applies to
	Key   string // "" matches every key; else the object's key
	Skip  int    // matching requests to let pass first
	Times int    // 0 is once, negative always
}

// injector decides about faults.
type injector struct {
	mu struct {
		sync.Mutex
		plan   Plan
		rand   *rand.Rand
		rules  []*Rule
		counts map[Fault]int
	}
}

func newInjector(plan Plan) *injector {
	in := &injector{}
	in.mu.counts = make(map[Fault]int)
	in.setPlan(plan)
	return in
}

// setPlan replaces the plan and restarts its order.
func (in *injector) setPlan(plan Plan) {
	if plan.Kinds == nil {
		plan.Kinds = Faults()
	}
	if plan.Delay == 0 {
		plan.Delay = 100 * time.Millisecond
	}
	if plan.Stall == 0 {
		plan.Stall = 5 * time.Second
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.mu.plan = plan
	in.mu.rand = rand.New(rand.NewPCG(plan.Seed, 0))
}

// add puts a rule in front of the plan.
func (in *injector) add(r Rule) {
	if r.Times == 0 {
		r.Times = 1
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.mu.rules = append(in.mu.rules, &r)
}

// clear removes all rules.
func (in *injector) clear() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.mu.rules = nil
}

// pick decides the fault of a request and counts it.
func (in *injector) pick(op, key string) Fault {
	in.mu.Lock()
	defer in.mu.Unlock()
	f := in.ruled(op, key)
	if f == None {
		f = in.planned(op)
	}
	if f != None {
		in.mu.counts[f]++
	}
	return f
}

func (in *injector) ruled(op, key string) Fault {
	for i, r := range in.mu.rules {
		if r.Op != "" && r.Op != op || r.Key != "" && r.Key != key || !r.Fault.Applies(op) {
			continue
		}
		if r.Skip > 0 {
			r.Skip--
			continue
		}
		if r.Times--; r.Times == 0 {
			in.mu.rules = slices.Delete(in.mu.rules, i, i+1)
		}
		return r.Fault
	}
	return None
}

func (in *injector) planned(op string) Fault {
	plan := &in.mu.plan
	if plan.Rate == 0 || in.mu.rand.Float64() >= plan.Rate {
		return None
	}
	var can []Fault
	for _, f := range plan.Kinds {
		if f.Applies(op) {
			can = append(can, f)
		}
	}
	if len(can) == 0 {
		return None
	}
	return can[in.mu.rand.IntN(len(can))]
}

// counts returns how often each fault happened.
func (in *injector) counts() map[Fault]int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return maps.Clone(in.mu.counts)
}

// times returns the plan's durations.
func (in *injector) times() (delay, stall time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.mu.plan.Delay, in.mu.plan.Stall
}
