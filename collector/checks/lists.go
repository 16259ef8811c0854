package checks

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/dnsclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// Lists knows of every blocklist in use whether it can be believed. All rounds share it.
//
// RFC 5782 section 5 has every list list 127.0.0.2 and not 127.0.0.1 (for domains: TEST, and not INVALID), so
// that anybody can see whether it is alive. We ask for both, for a random name that no list can hold, and, once for
// all lists of a resolver, for a random name under .invalid, which does not exist (RFC 6761 section 6.4) unless the resolver
// invents answers. This is done before a list is first believed and every six hours, and for each positive answer once more in the same round: a
// list whose domain lapsed begins to list the world from one minute to the next. An answer that no list in good health gives
// has it done at once, too.
type Lists struct {
	lists    []*list
	clients  map[string]*dnsclient.Client // By resolver; "" is the resolver of all.
	controls map[string]*control          // By resolver.
}

// ListState is the health of one list, for dnsbl_state and dnsbl_queries_total.
type ListState struct {
	ID      string
	State   string            // The label state; "" while not tested.
	Queries map[string]uint64 // By outcome.
	Why     catalog.Text      // What was seen that made the state; empty for a good one.
}

// The states of a list, in the order in which the first that holds is told.
const (
	listHijacked   = "hijacked"    // Answers outside 127.0.0.0/8: somebody else's domain, or a resolver that invents answers.
	listBlocked    = "blocked"     // It refuses to serve us.
	listWorld      = "lists_world" // It lists what no list can hold.
	listDead       = "dead"        // It does not list what every list holds: gone, or silently refusing us.
	listError      = "error"       // It could not be asked.
	listUnverified = "unverified"  // It has no test point; nothing else is wrong.
	listOK         = "ok"
)

// The outcomes of questions to a list, for dnsbl_queries_total. Those of its tests are told apart by no more than that.
const (
	askedListed      = "listed"
	askedNotListed   = "not_listed"
	askedUnknownCode = "unknown_code"
	askedBlocked     = "blocked"
	askedHijacked    = "hijacked"
	askedError       = "error"
	askedTest        = "test"
	askedText        = "text" // For what a listing says, in TXT.
)

var askedOutcomes = []string{askedListed, askedNotListed, askedUnknownCode, askedBlocked, askedHijacked, askedError, askedTest, askedText}

const (
	// retestGood is how long a test is good for, retestBad how long a list that failed it is left alone, retestDoubt how often
	// at most answers have it tested that no list in good health gives.
	retestGood  = 6 * time.Hour
	retestBad   = 5 * time.Minute
	retestDoubt = time.Minute
)

// Reasons for which a list's answer is not known or not believed.
var (
	errListSick   = errors.New("the list cannot be believed")
	errListBudget = errors.New("the list has been asked as often as it may be for now")
)

// NewLists returns the lists of a configuration. forResolver makes the client for a list that is to be asked through a
// resolver of its own. Those of old, the lists in force until now, that are asked as before keep what is known of them, and
// all that stay keep count of their questions; nil: none of them has been tested yet.
func NewLists(cfg *targets.Config, dns *dnsclient.Client, forResolver func(server string) (*dnsclient.Client, error), old *Lists) (*Lists, error) {
	if old == nil {
		old = &Lists{}
	}
	all := &Lists{clients: map[string]*dnsclient.Client{"": dns}, controls: map[string]*control{}}
	if old.clients[""] == dns {
		all.clients, all.controls = maps.Clone(old.clients), maps.Clone(old.controls)
	}
	for _, configured := range cfg.Blocklists.Lists {
		client := all.clients[configured.Resolver]
		if client == nil {
			var err error
			if client, err = forResolver(configured.Resolver); err != nil {
				return nil, fmt.Errorf("%s: resolver: %w", configured.ID, err)
			}
			all.clients[configured.Resolver] = client
		}
		if all.controls[configured.Resolver] == nil {
			all.controls[configured.Resolver] = &control{dns: client.AcceptUnproven()}
		}
		was := old.byID(configured.ID)
		if was != nil && old.clients[was.Resolver] == client && reflect.DeepEqual(was.List, configured) {
			all.lists = append(all.lists, was)
			continue
		}
		all.lists = append(all.lists, newList(configured, client, all.controls[configured.Resolver], was))
	}
	return all, nil
}

// newList returns a list that has not been tested yet. was is the one of that id until now, or nil.
func newList(configured targets.List, client *dnsclient.Client, resolver *control, was *list) *list {
	asked := client.AcceptUnproven() // Many lists deny without a SOA record; the test of the list says whether they are to be believed.
	l := &list{
		List: configured, zone: configured.AskedZone(configured.Key.Value()), dns: asked, resolver: resolver, answers: asked.Apart(),
		budget: budgetOf(configured), queries: map[string]uint64{},
	}
	for _, o := range askedOutcomes {
		l.queries[o] = 0
	}
	if was != nil && was.zone == l.zone {
		if spent := was.budget.Burst() - int(was.budget.Tokens()); spent > 0 {
			l.budget.AllowN(time.Now(), min(spent, l.budget.Burst()))
		}
	}
	return l
}

// byID returns the list of an id, or nil.
func (all *Lists) byID(id string) *list {
	for _, l := range all.lists {
		if l.ID == id {
			return l
		}
	}
	return nil
}

// Uses reports whether the list that a part of the check dnsbl is about is in use.
func (all *Lists) Uses(key string) bool {
	_, id, _ := strings.Cut(key, " ")
	return all.byID(id) != nil
}

// budgetOf bounds the questions of a list. Half of a day's may be asked at once, or a test and one question if that
// is more, and the rest comes back over a day, so that no 24 hours see more than are allowed.
func budgetOf(l targets.List) *rate.Limiter {
	n := l.MaxQueriesPerDay
	if n == 0 {
		n = l.QueriesPerDay
	}
	if n <= 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	atOnce := n / 2
	if n > 4 {
		atOnce = max(atOnce, 4)
	}
	return rate.NewLimiter(rate.Limit(float64(n-atOnce)/(24*time.Hour).Seconds()), max(1, atOnce))
}

// States returns the health of every list in use, in the order of the configuration.
func (all *Lists) States() []ListState {
	var out []ListState
	for _, l := range all.lists {
		l.mu.Lock()
		s := ListState{ID: l.ID, State: l.health.state, Queries: maps.Clone(l.queries)}
		if l.health.why != nil {
			s.Why = wordsOf(l.health.why)
		}
		l.mu.Unlock()
		out = append(out, s)
	}
	return out
}

// Findings tell of the lists that answer nobody here, or not truthfully. That is a problem of the vantage.
func (all *Lists) Findings() []Finding {
	var out []Finding
	for _, s := range all.States() {
		problem := "vantage_dnsbl_sick"
		switch s.State {
		case "", listOK, listUnverified:
			continue
		case listBlocked:
			problem = "vantage_dnsbl_refused"
		}
		out = append(out, Finding{Problem: problem, Evidence: say("%s: %s", s.ID, s.Why), Values: all.byID(s.ID).values()})
	}
	return out
}

// A list is one blocklist with what is known of its health.
type list struct {
	targets.List
	zone     string            // Secret if there is a key.
	dns      *dnsclient.Client // Asks every time, as tests must.
	resolver *control
	budget   *rate.Limiter

	mu      sync.Mutex
	answers *dnsclient.Client // Remembers what the list said of others, as long as it may be believed.
	queries map[string]uint64
	health  health
	testing chan struct{} // Closed when the test that is under way ends; nil: none is.
	doubted time.Time     // When an answer last had it tested.
}

// A health is what the last test of a list found.
type health struct {
	state string    // "" while not tested.
	why   error     // What was seen that made the state; nil for a good one.
	since time.Time // When the test began.
	good  time.Time // When the last test ended that found the list good; zero: none has.
}

// values are what remedies may name of the list.
func (l *list) values() catalog.Values {
	v := catalog.Values{catalog.ValueList: l.ID}
	if l.Resolver != "" {
		v[catalog.ValueResolver], v[catalog.ValueDigCommand] = l.Resolver, digCommand(l.Resolver)
	}
	return v
}

func (h health) usable() bool { return h.state == listOK || h.state == listUnverified }

// believable returns nil if the last test of the list, which is not too old, found it good.
func (l *list) believable(ctx context.Context) error {
	l.mu.Lock()
	period := retestBad
	if l.health.usable() {
		period = retestGood
	}
	l.mu.Unlock()
	return l.believableSince(ctx, time.Now().Add(-period))
}

// believableSince returns nil if a test that began at that time or later found the list good. It makes one unless
// there is one; rounds that need one at the same time share it.
func (l *list) believableSince(ctx context.Context, since time.Time) error {
	for {
		l.mu.Lock()
		if h := l.health; h.state != "" && !h.since.Before(since) {
			l.mu.Unlock()
			return h.why
		}
		underWay := l.testing
		if underWay == nil {
			l.testing = make(chan struct{})
		}
		l.mu.Unlock()
		if underWay == nil {
			return l.test(ctx)
		}
		select {
		case <-underWay:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// test tests the list, for which l.testing was made, and notes what it found. A test that its round's end cut off
// found nothing.
func (l *list) test(ctx context.Context) error {
	var h health
	began := time.Now()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		close(l.testing)
		l.testing = nil
		if h.state == "" {
			return
		}
		h.since, h.good = began, l.health.good
		if h.usable() {
			h.good = time.Now()
		}
		l.health = h
		if !h.usable() {
			l.answers = l.answers.Apart() // What a sick list said is not told once it is well.
		}
	}()
	questions := 3
	if l.NoTest {
		questions = 2
	}
	if !l.budget.AllowN(began, questions) {
		return errListBudget
	}
	state, why := l.examine(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	h.state, h.why = state, sickBecause(why)
	return h.why
}

// examine asks what the list must hold, must not hold and cannot hold, and judges it by the answers.
func (l *list) examine(ctx context.Context) (state string, why error) {
	var must, mustNot, control, nowhere reply
	ask := func(out *reply, name string) func() {
		return func() {
			*out = l.ask(ctx, l.dns, name)
			l.count(askedTest)
		}
	}
	asking := []func(){
		ask(&mustNot, l.mustNotList()),
		ask(&control, randomLabel()+"."+l.zone),
		func() { nowhere.hijacked = l.resolver.invents(ctx) },
	}
	if !l.NoTest {
		asking = append(asking, ask(&must, l.mustList()))
	}
	sideBySide(len(asking), func(i int) { asking[i]() })

	if err := firstOf(nowhere.hijacked, control.hijacked, mustNot.hijacked, must.hijacked); err != nil {
		return listHijacked, err
	}
	if err := firstOf(must.refused, mustNot.refused, control.refused); err != nil {
		return listBlocked, err
	}
	switch {
	case control.positive():
		return listWorld, errors.New("it lists a random name")
	case mustNot.positive():
		return listWorld, errors.New("it lists what must not be listed")
	case !l.NoTest && must.err == nil && !must.positive():
		return listDead, errors.New("it does not list its test point")
	}
	if err := firstOf(must.err, mustNot.err, control.err); err != nil {
		return listError, err
	}
	if l.NoTest {
		return listUnverified, nil
	}
	return listOK, nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func randomLabel() string { return strings.ToLower(rand.Text()) }

func sickBecause(why error) error {
	if why == nil {
		return nil
	}
	return worded{say("%s: %s", wordsOf(errListSick), wordsOf(why)), fmt.Errorf("%w: %w", errListSick, why)}
}

// doubt has the list tested because of an answer that none in good health gives; rounds that get such answers at the same time
// or shortly after share the test. Whether it is the list, the resolver or this one answer, the test shows.
func (l *list) doubt(ctx context.Context) {
	l.mu.Lock()
	if now := time.Now(); now.Sub(l.doubted) >= retestDoubt {
		l.doubted = now
	}
	since := l.doubted
	l.answers = l.answers.Apart() // That answer is not told twice.
	l.mu.Unlock()
	_ = l.believableSince(ctx, since)
}

// memory returns the client that remembers what the list said of others.
func (l *list) memory() *dnsclient.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answers
}

// lastGood is when the last good test of the list ended; the zero time if none has been good.
func (l *list) lastGood() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.health.good
}

func (l *list) count(outcome string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queries[outcome]++
}

// publicZone is the zone with a place for the operator's key.
func (l *list) publicZone() string {
	if l.Key.Value() == "" {
		return l.zone
	}
	return l.AskedZone("{key}")
}

// name is what to ask for of an address or a domain (RFC 5782 sections 2.1, 2.3 and 2.4).
func (l *list) name(subject string) string {
	if a, err := netip.ParseAddr(subject); err == nil {
		subject = dnsclient.Reverse(a)
	}
	return subject + "." + l.zone
}

// mustList and mustNotList are the names by which RFC 5782 section 5 tells a list that is alive, unless the
// catalogue has others. A list of both families is one zone, and tested by IPv4.
func (l *list) mustList() string { return l.testName(l.MustList, "127.0.0.2", "test") }

func (l *list) mustNotList() string { return l.testName(l.MustNotList, "127.0.0.1", "invalid") }

func (l *list) testName(override, point, domain string) string {
	ipv4, ipv6 := slices.Contains(l.Kinds, "ipv4"), slices.Contains(l.Kinds, "ipv6")
	switch {
	case override != "":
		point = override
	case !ipv4 && !ipv6:
		return domain + "." + l.zone
	}
	if a, err := netip.ParseAddr(point); err == nil && a.Unmap().Is4() && ipv6 && !ipv4 {
		return mappedNibbles(a.Unmap()) + "." + l.zone
	}
	return l.name(point)
}

// mappedNibbles gives an IPv4 address as the IPv6 address that it is mapped to, in reverse nibbles. RFC 5782 section 5
// has the test points of lists of IPv6 so, ::FFFF:7F00:2 and ::FFFF:7F00:1; any other mapped address is asked as IPv4.
func mappedNibbles(a netip.Addr) string {
	var b strings.Builder
	octets := a.As4()
	for _, o := range slices.Backward(octets[:]) {
		fmt.Fprintf(&b, "%x.%x.", o&15, o>>4)
	}
	return b.String() + "f.f.f.f" + strings.Repeat(".0", 20)
}

// sideBySide calls f with 0 to n-1 at the same time and waits. A panic in one of them is the caller's, who is guarded.
func sideBySide(n int, f func(i int)) {
	panics := make(chan any, n)
	call := func(i int) {
		defer func() {
			if p := recover(); p != nil {
				panics <- p
			}
		}()
		f(i)
	}
	var running sync.WaitGroup
	for i := range n - 1 {
		running.Go(func() { call(i) })
	}
	if n > 0 {
		call(n - 1) // Here, because to wake a thread is dear, and often there is only one.
	}
	running.Wait()
	select {
	case p := <-panics:
		panic(p)
	default:
	}
}
