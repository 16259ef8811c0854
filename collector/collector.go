package collector

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/mailprobe/mailprobe_exporter/catalog"
	"github.com/mailprobe/mailprobe_exporter/collector/checks"
	"github.com/mailprobe/mailprobe_exporter/collector/smtpclient"
	"github.com/mailprobe/mailprobe_exporter/targets"
)

// Options say how to make a Collector.
type Options struct {
	Config *targets.Config
	Dialer smtpclient.Dialer      // nil: smtpclient.NewDialer.
	Route  func(netip.Addr) error // nil: smtpclient.Route.
	// Outgoing returns the address that connections of a family, 4 or 6, come from, an invalid one if there is none. nil: the
	// system's, but with a Dialer it is not known.
	Outgoing func(family int) netip.Addr
	Roots    *x509.CertPool // nil: the system's. tls.ca_file of the configuration is added.
	Logger   *slog.Logger   // nil: nothing is logged.
	Storage  string         // Directory that keeps what is known over restarts; "": nothing does.
	OnDemand bool           // Targets are probed when Probe asks for them and never by themselves; MX records are not followed.
}

// A Collector probes targets on schedule, keeps what is known of them and exposes it.
type Collector struct {
	opts      Options
	logger    *slog.Logger
	checks    []*checks.Check
	expo      *exposition
	self      *self
	limits    *limits
	scheduler *scheduler
	store     *store                          // nil: nothing is kept over restarts.
	told      sync.Map                        // Bugs that were logged.
	watch     func(s *Snapshot, check string) // Is told of every run; nil: nobody is.

	applying sync.Mutex // One configuration at a time.
	applied  chan struct{}
	regime   atomic.Pointer[regime]

	mu     sync.Mutex
	states map[string]*state
	sorted []*state // By name; nil: to be made anew.
	// Probed only when somebody asks: ondemand.go.
	demanded map[demandKey]*state
	forgot   time.Time    // When it was last looked for those that may be forgotten.
	askers   atomic.Int64 // How many wait for Probe.
	evidence atomic.Int64 // How many bytes of evidence are known of all targets.
	running  bool
	ready    bool
}

// A regime is one configuration with everything made from it. It is never changed.
type regime struct {
	cfg      *targets.Config
	env      *checks.Env
	builder  *builder
	excluded map[string]bool // Metrics, by name without prefix.
	secrets  *redactor       // nil: there are none.
}

const (
	// vantageName is the target that is the prober itself.
	vantageName = "vantage"
	// maxExchangers bounds the servers that one domain's MX records can make us probe.
	maxExchangers = 100
	// grace is how long rounds have to end their sessions when the collector stops.
	grace = 4 * time.Second
)

// New returns a collector that does nothing until Run.
func New(o Options) (*Collector, error) {
	catalog.Default() // It takes a moment to read, which the first rounds would wait for, and a signal to end with them.
	return newCollector(o, checks.All, catalog.ProblemByID)
}

// newCollector is New with the checks and the catalogue of problems as parameters.
func newCollector(o Options, list []*checks.Check, problem func(string) (catalog.Problem, bool)) (*Collector, error) {
	if o.Config == nil {
		return nil, errors.New("collector: no configuration")
	}
	c := &Collector{
		opts: o, logger: o.Logger, checks: list,
		limits:   newLimits(o.Config.Limits),
		applied:  make(chan struct{}, 1),
		demanded: map[demandKey]*state{},
	}
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	c.expo = newExposition(list, c.bug)
	c.scheduler = newScheduler(c.round, func() time.Duration { return c.regime.Load().env.DNS.Backlog() })
	c.self = newSelf(c)
	if err := c.openStore(o.Storage); err != nil {
		return nil, err
	}
	begin := func() error {
		env, err := c.newEnv(o.Config, nil)
		if err != nil {
			return err
		}
		c.states = map[string]*state{}
		c.put(&regime{cfg: o.Config, env: env, secrets: newRedactor(o.Config.Secrets(), nil), builder: &builder{cfg: o.Config, lists: env.Lists, problem: problem, expo: c.expo, bug: c.bug}})
		return nil
	}
	if err := begin(); err != nil {
		return nil, err
	}
	if !c.restore() {
		// What was taken from a file before it proved not to be whole does not count.
		if err := begin(); err != nil {
			return nil, err
		}
	}
	c.Reloaded(nil)
	return c, nil
}

// bug logs a mistake of ours, the first time it shows.
func (c *Collector) bug(what string) {
	if _, told := c.told.LoadOrStore(what, true); !told {
		c.logger.Error("This is a bug, please report it", "bug", what)
	}
}

// Run probes until ctx ends, then ends every session politely and returns within five seconds.
func (c *Collector) Run(ctx context.Context) error {
	var helpers sync.WaitGroup
	found := make(chan struct{})
	helpers.Go(func() { c.findHeloName(ctx, found) })
	select {
	case <-found:
	case <-ctx.Done():
	case <-time.After(heloPatience):
	}

	c.mu.Lock()
	c.running = true
	c.begin(time.Now(), c.inOrder())
	c.mu.Unlock()
	if c.store != nil {
		helpers.Go(func() { c.keepSaving(ctx) })
	}
	c.scheduler.loop(ctx)

	stopped := time.Now()
	ended := make(chan struct{})
	go func() {
		c.scheduler.rounds.Wait()
		helpers.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(grace):
		c.logger.Warn("Not every probe ended in time")
	}
	c.saveLast(stopped)
	return nil
}

// Apply puts a configuration in force. Targets that did not change keep what is known of them. On an error nothing changes.
func (c *Collector) Apply(cfg *targets.Config) error {
	c.applying.Lock()
	defer c.applying.Unlock()
	old := c.regime.Load()
	env, err := c.newEnv(cfg, old)
	if err != nil {
		return err
	}
	b := *old.builder
	b.cfg, b.lists = cfg, env.Lists
	secrets := old.secrets
	if !slices.Equal(cfg.Secrets(), old.cfg.Secrets()) {
		secrets = newRedactor(cfg.Secrets(), old.secrets)
	}
	c.put(&regime{cfg: cfg, env: env, secrets: secrets, builder: &b})
	if env.Lists != old.env.Lists {
		c.again("dnsbl")
	}
	if env.Proofs != old.env.Proofs {
		c.again(vantageName)
	}
	select {
	case c.applied <- struct{}{}:
	default:
	}
	return nil
}

// put puts a regime in force: targets that are not in it go, those that are new begin.
func (c *Collector) put(reg *regime) {
	reg.excluded = map[string]bool{}
	for _, name := range reg.cfg.Metrics.Exclude {
		reg.excluded[strings.TrimPrefix(name, namespace)] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.regime.Store(reg)
	c.limits.set(reg.cfg.Limits)
	now := time.Now()

	wanted := map[string]*targets.Target{vantageName: vantageTarget()}
	if !c.opts.OnDemand {
		for _, t := range reg.cfg.Targets {
			wanted[t.Name] = t
		}
	}
	// The servers of domains are there until the domains' MX records are seen again, or not asked for any more.
	refs, sendsFor := map[string]map[string]bool{}, map[string]map[string]bool{}
	follows := map[string]map[string]bool{}
	for name, st := range c.states {
		domain := wanted[name]
		if domain == nil || domain.Kind != targets.KindDomain || domain.Every["mx"] == 0 || st.follows == nil {
			continue
		}
		follows[name] = map[string]bool{}
		for _, mx := range st.exchangers {
			t, ok := reg.cfg.DiscoveredServer(domain, mx.Host, mx.Addresses...)
			if !ok {
				continue
			}
			if wanted[t.Name] == nil {
				wanted[t.Name] = t
			}
			if refs[t.Name] == nil {
				refs[t.Name], sendsFor[t.Name] = map[string]bool{}, map[string]bool{}
			}
			refs[t.Name][name], follows[name][t.Name] = true, true
			if mx.Sends {
				sendsFor[t.Name][name] = true
			}
		}
	}

	var fresh []*state
	states := make(map[string]*state, len(wanted))
	for name, t := range wanted {
		t = withRole(t, sendsFor[name])
		old := c.states[name]
		st := old
		if old == nil || !same(old.target, t) {
			st = c.newState(t, reg, now)
			fresh = append(fresh, st)
			if old != nil { // Other settings are no reason to come back sooner to a server that sent us away.
				st.exchangers, st.door = old.exchangers, old.door
				c.keepShowing(st, old, reg, now)
				c.scheduler.inherit(st, old)
			}
		} else {
			st.mu.Lock()
			st.target = t
			st.mu.Unlock()
			c.rebuild(st, now)
		}
		states[name] = st
		st.follows = follows[name]
		st.refs, st.sendsFor = refs[name], sendsFor[name]
	}
	for name, old := range c.states {
		if states[name] != old {
			c.remove(old)
		}
	}
	c.states, c.sorted = states, nil
	c.keepDemanded(reg, now)
	if c.running {
		c.begin(now, fresh)
	}
}

// remove ends all that is done and kept for a target.
func (c *Collector) remove(st *state) {
	c.scheduler.remove(st)
	c.countEvidence(st, 0)
}

// ownAddresses returns the targets that stand for addresses: senders, and servers behind public addresses.
func ownAddresses(cfg *targets.Config) map[netip.Addr]string {
	out := map[netip.Addr]string{}
	for _, t := range cfg.Targets {
		switch {
		case t.Sender != nil && t.Sender.Addr.IsValid():
			out[t.Sender.Addr.Unmap()] = t.Name
		case t.Server != nil:
			for _, a := range t.Server.PublicAddresses {
				if out[a.Unmap()] == "" {
					out[a.Unmap()] = t.Name
				}
			}
		}
	}
	return out
}

// same reports whether what is known of a target holds under its new configuration.
func same(old, t *targets.Target) bool {
	return old.Kind == targets.KindVantage && t.Kind == targets.KindVantage || old.Same(t)
}

// begin schedules new targets in the order of their hashes, the vantage first, because
// other verdicts depend on it. c.mu is held.
func (c *Collector) begin(now time.Time, fresh []*state) {
	c.scheduler.add(now, len(c.states), byHash(fresh)...)
}

// again makes a check due now on all targets that run it, spread as at start, because what it asks has changed.
func (c *Collector) again(check string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		c.scheduler.again(time.Now(), check, len(c.states), byHash(c.inOrder())...)
	}
}

// byHash returns targets in the order of their hashes, the vantage first.
func byHash(sts []*state) []*state {
	return slices.SortedFunc(slices.Values(sts), func(a, b *state) int {
		if d := cmp.Compare(kindRank(a), kindRank(b)); d != 0 {
			return d
		}
		return cmp.Or(cmp.Compare(a.phase, b.phase), cmp.Compare(a.name, b.name))
	})
}

func kindRank(st *state) int {
	if st.target.Kind == targets.KindVantage {
		return 0
	}
	return 1
}

// vantageTarget is the prober itself. It is always there.
func vantageTarget() *targets.Target {
	spec, _ := targets.CheckByName("vantage")
	every := map[string]time.Duration{"vantage": spec.Interval}
	return &targets.Target{
		Name: vantageName, Kind: targets.KindVantage, Source: targets.SourceConfig, Every: every,
		Module: &targets.Module{Name: vantageName, Kind: targets.KindVantage, Checks: []string{"vantage"}, Every: every, Timeout: time.Minute},
	}
}

// inOrder returns all states sorted by name. c.mu is held.
func (c *Collector) inOrder() []*state {
	if c.sorted == nil {
		c.sorted = make([]*state, 0, len(c.states))
		for _, st := range c.states {
			c.sorted = append(c.sorted, st)
		}
		slices.SortFunc(c.sorted, func(a, b *state) int { return strings.Compare(a.name, b.name) })
	}
	return c.sorted
}

// Snapshots returns what is known now of every target, sorted by name. What it returns
// must not be changed.
func (c *Collector) Snapshots() []*Snapshot {
	c.mu.Lock()
	sts, reg := c.inOrder(), c.regime.Load()
	asked := slices.SortedFunc(maps.Values(c.demanded), func(a, b *state) int { return strings.Compare(a.name, b.name) })
	c.mu.Unlock()
	now := time.Now()
	out := make([]*Snapshot, len(sts))
	vantage := 0
	others := map[int][]checks.Finding{} // What showed elsewhere, by the place of the target that owns it.
	for i, st := range sts {
		out[i] = st.snapshot.Load()
		if e := out[i].expires; !e.IsZero() && !now.Before(e) {
			out[i] = c.rebuild(st, now)
		}
		if out[i].Target.Kind == targets.KindVantage {
			vantage = i
		}
	}
	heard, refused := false, catalog.Text{}
	everywhere := slices.Clone(out)
	for _, st := range asked {
		everywhere = append(everywhere, st.snapshot.Load())
	}
	for _, s := range everywhere {
		heard = heard || s.heard
		for _, f := range s.aboutUs {
			if f.Problem == "vantage_refused" {
				refused = f.Evidence
			}
			owner := vantage
			if name := reg.env.Ours[f.Ours]; name != "" {
				if i, ok := slices.BinarySearchFunc(sts, name, func(st *state, name string) int { return strings.Compare(st.name, name) }); ok {
					owner = i
				}
			}
			others[owner] = append(others[owner], f)
		}
	}
	others[vantage] = append(others[vantage], reg.env.Lists.Findings()...)
	tests := reg.env.Witnesses.Tests(now)
	for _, t := range tests {
		if t.Wrong.EN != "" {
			others[vantage] = append(others[vantage], checks.Finding{Problem: t.Problem, Severity: t.Severity, Evidence: t.Wrong})
		}
	}
	if heard || refused.EN != "" { // Every server that spoke takes us as anybody else, or one does not.
		tests = append(tests, checks.Tested{Test: "refused", Problem: "vantage_refused", Wrong: refused})
	}
	if len(tests) > 0 && len(out[vantage].Checks) > 0 {
		out[vantage] = reg.builder.withTests(out[vantage], tests, now)
	}
	for i, findings := range others {
		if len(findings) > 0 {
			out[i] = reg.builder.withOthers(out[i], findings, now)
		}
	}
	return out
}

// Targets returns all targets, sorted by name, the prober excepted: those that are probed by themselves, or that may be on demand
// because they are configured.
func (c *Collector) Targets() []*targets.Target {
	var out []*targets.Target
	if c.opts.OnDemand {
		out = slices.SortedFunc(slices.Values(c.regime.Load().cfg.Targets), func(a, b *targets.Target) int { return strings.Compare(a.Name, b.Name) })
	} else {
		for _, s := range c.Snapshots() {
			out = append(out, s.Target)
		}
	}
	return slices.DeleteFunc(out, func(t *targets.Target) bool { return t.Kind == targets.KindVantage })
}

// Ready reports whether every configured target has been tried once. It stays so when a
// reload adds targets.
func (c *Collector) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ready {
		return true
	}
	for _, st := range c.states {
		if st.target.Source != targets.SourceMX && len(st.plans) > 0 && !st.tried.Load() {
			return false
		}
	}
	c.ready = true
	return true
}

// Gather returns all families, sorted, from memory. It implements prometheus.Gatherer.
func (c *Collector) Gather() ([]*dto.MetricFamily, error) {
	excluded := c.regime.Load().excluded
	families, total := c.expo.gather(c.Snapshots(), excluded)
	own, err := c.self.gather(total, excluded)
	if err != nil {
		c.bug(err.Error())
	}
	for _, f := range own {
		if !slices.ContainsFunc(families, func(o *dto.MetricFamily) bool { return o.GetName() == f.GetName() }) {
			families = append(families, f)
		}
	}
	slices.SortFunc(families, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return families, nil
}
