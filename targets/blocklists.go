package targets

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// A listKey is the operator's key for a list.
type listKey struct {
	Key       Secret
	File, Env string
	at        value
	used      bool
}

// A listOverride is what the operator changes of a list.
type listOverride struct {
	interval time.Duration
	most     int
	resolver string
	at       value
	used     bool
}

// A listReader puts together which blocklists are asked.
type listReader struct {
	p         *parser
	custom    []*catalog.Blocklist
	zones     []value                  // Where the zone of each of custom stands.
	keys      map[string]*listKey      // By the key's name.
	overrides map[string]*listOverride // By the list's id.
	lacking   []*catalog.Blocklist     // Those of which it was told that they need a key.
	lists     []List
	have      map[string]bool
}

// blocklists reads the section of that name; without one the default set is asked.
func (p *parser) blocklists(v value) {
	m := v.mapping("use", "custom", "keys", "overrides")
	r := &listReader{p: p, keys: map[string]*listKey{}, overrides: map[string]*listOverride{}, have: map[string]bool{}}
	m.at("custom", r.readCustom)
	m.at("keys", r.readKeys)
	m.at("overrides", r.readOverrides)
	if m.has("use") {
		m.at("use", func(v value) {
			for _, item := range v.list() {
				r.use(item)
			}
		})
	} else {
		r.group("default")
	}
	for i, b := range r.custom {
		if b.ID != "" && b.Zone != "" {
			r.keyless(r.zones[i], b)
		}
		r.add(b)
	}
	r.warnUnused()
	p.cfg.Blocklists.Lists = r.lists
	if len(r.custom) > 0 {
		p.cfg.catalog = p.cfg.Catalog().WithZones(r.custom)
	}
}

// use adds the list or group that an item of use names.
func (r *listReader) use(item value) {
	name, ok := item.text()
	if !ok {
		return
	}
	b, known := r.list(name)
	switch {
	case !known && r.group(name):
	case !known && holdsKey(name):
		item.fail("a key stands in this, and keys are secret; want the id of a blocklist, and its key in a file or env under blocklists.keys")
	case !known:
		item.bad(name, r.unknownList(name))
	case b.Dead != nil:
		item.fail("the blocklist %s is dead (%s); remove it", name, b.Dead)
	case r.keyless(item, b):
	default:
		r.add(b)
	}
}

// keyless reports whether a list that is named at v lacks the key that it needs, and tells so once.
func (r *listReader) keyless(v value, b *catalog.Blocklist) bool {
	if !b.NeedsKey() || r.keys[keyName(b)] != nil {
		return false
	}
	if !slices.Contains(r.lacking, b) {
		r.lacking = append(r.lacking, b)
		v.fail("the blocklist %s needs a key; give blocklists.keys.%s a file or env", b.ID, keyName(b))
	}
	return true
}

// unknownList says what would be right for a name that is neither a list nor a group. Other programs call lists by their zones.
func (r *listReader) unknownList(name string) string {
	for _, b := range r.p.cfg.Catalog().Blocklists() {
		if b.Zone == name && b.Dead == nil {
			return "this is a zone; the blocklist is called " + b.ID
		}
	}
	if b, dead := r.p.cfg.Catalog().DeadZone(name); dead {
		return fmt.Sprintf("this is the blocklist %s, which is dead (%s); remove it", b.ID, b.Dead)
	}
	return "there is no such blocklist or group; " + nearest(name, r.names())
}

// group adds the lists of a group that can be asked.
func (r *listReader) group(name string) bool {
	lists, ok := r.p.cfg.Catalog().InGroup(name)
	for _, b := range lists {
		if b.Dead == nil && (!b.NeedsKey() || r.keys[keyName(b)] != nil) {
			r.add(b)
		}
	}
	return ok
}

// add adds a list with what the operator says of it.
func (r *listReader) add(b *catalog.Blocklist) {
	if r.have[b.ID] {
		return
	}
	r.have[b.ID] = true
	l := List{Blocklist: b, Custom: slices.Contains(r.custom, b)}
	if k := r.keys[keyName(b)]; k != nil {
		l.Key, l.KeyFile, l.KeyEnv = k.Key, k.File, k.Env
		k.used = true
	}
	if o := r.overrides[b.ID]; o != nil {
		l.Interval, l.MaxQueriesPerDay, l.Resolver = o.interval, o.most, o.resolver
		o.used = true
	}
	r.lists = append(r.lists, l)
}

// list looks a list up by its id, the operator's own first.
func (r *listReader) list(id string) (*catalog.Blocklist, bool) {
	for _, b := range r.custom {
		if b.ID == id {
			return b, true
		}
	}
	return r.p.cfg.Catalog().BlocklistByID(id)
}

// names are all ids and groups that can be used.
func (r *listReader) names() []string {
	var out []string
	for _, g := range r.p.cfg.Catalog().Groups() {
		out = append(out, g.ID)
	}
	return append(out, r.ids()...)
}

func (r *listReader) ids() []string {
	var out []string
	for _, b := range slices.Concat(r.custom, r.p.cfg.Catalog().Blocklists()) {
		if b.Dead == nil {
			out = append(out, b.ID)
		}
	}
	return out
}

// keyName is what the key of a list is called in blocklists.keys; "" for a list that takes none.
func keyName(b *catalog.Blocklist) string {
	if b.KeyName == "" && b.NeedsKey() {
		return b.ID
	}
	return b.KeyName
}

// keyForm is what can stand in a name in DNS, which is where keys go.
var keyForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)

func (r *listReader) readKeys(v value) {
	known := r.p.cfg.Catalog().KeyNames()
	for _, b := range r.custom {
		if b.NeedsKey() {
			known = append(known, keyName(b))
		}
	}
	for _, pr := range v.pairs() {
		if !slices.Contains(known, pr.name) {
			pr.key.fail("no blocklist takes a key of this name; %s", nearest(pr.name, known))
			continue
		}
		pr.value.secret = true
		m := pr.value.mapping("file", "env")
		k := &listKey{at: pr.key}
		k.Key, k.File, k.Env = r.p.secret(m, "file", "env")
		if text := k.Key.Value(); text != "" && !keyForm.MatchString(text) {
			m.fail("the key cannot stand in a name in DNS: want letters, digits and hyphens, at most 63")
		}
		r.keys[pr.name] = k
	}
}

func (r *listReader) readOverrides(v value) {
	spec, _ := CheckByName("dnsbl")
	for _, pr := range v.pairs() {
		if b, known := r.list(pr.name); !known || b.Dead != nil {
			pr.key.fail("there is no such blocklist; %s", nearest(pr.name, r.ids()))
			continue
		}
		m := pr.value.mapping("interval", "max_queries_per_day", "resolver")
		o := &listOverride{at: pr.key}
		m.at("interval", func(v value) { readInto(v, &o.interval, durationFrom(spec.Least, maxInterval)) })
		m.at("max_queries_per_day", func(v value) { perDay(v, &o.most) })
		m.at("resolver", func(v value) { readInto(v, &o.resolver, hostPort("53", "53")) })
		r.overrides[pr.name] = o
	}
}

// enoughPerDay is how many questions a day a list should allow at least: whether it can be believed is asked four
// times a day in three questions each.
const enoughPerDay = 24

// perDay reads how many questions a list allows.
func perDay(v value, to *int) {
	v.count(to, 1_000_000_000)
	if 0 < *to && *to < enoughPerDay {
		v.warn("with fewer than %d questions a day there is not enough to test the list by, and it will mostly not be believed", enoughPerDay)
	}
}

// warnUnused tells of keys and overrides that change nothing.
func (r *listReader) warnUnused() {
	for _, name := range sortedKeys(r.keys) {
		if k := r.keys[name]; !k.used {
			k.at.warn("no blocklist in use takes this key; add one to blocklists.use or remove it")
		}
	}
	for _, id := range sortedKeys(r.overrides) {
		if o := r.overrides[id]; !o.used {
			o.at.warn("the blocklist is not in use; add it to blocklists.use or remove this")
		}
	}
}

var wordForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// word reads an identifier that becomes a label's value.
func word(s string) (string, error) {
	if !wordForm.MatchString(s) {
		return "", errors.New("want a word of lower-case letters, digits and underscores")
	}
	return s, nil
}

func (r *listReader) readCustom(v value) {
	for _, item := range v.list() {
		m := item.mapping("id", "zone", "kinds", "codes", "good", "refusals", "must_list", "must_not_list", "test", "removal", "page", "queries_per_day")
		b := &catalog.Blocklist{}
		m.need("id", "id: corporate", func(v value) { b.ID = r.customID(v) })
		zone := item
		m.need("zone", "zone: bl.example.net", func(v value) {
			zone = v
			if text, ok := v.text(); ok && holdsKey(text) {
				v.fail("a key stands in the zone, and keys are secret; write {key} in its place, and give blocklists.keys a file or env under the id of the list")
				return
			}
			readInto(v, &b.Zone, customZone)
		})
		b.Kinds = []string{"ipv4"}
		m.at("kinds", func(v value) {
			if b.Kinds = readList(v, oneOf("ipv4", "ipv6", "domain")); v.empty() {
				v.fail("want at least one of ipv4, ipv6, domain")
			}
		})
		readAnswers(m, b)
		m.at("must_list", func(v value) { readInto(v, &b.MustList, hostOnly) })
		m.at("must_not_list", func(v value) { readInto(v, &b.MustNotList, hostOnly) })
		m.at("test", func(v value) {
			_, b.NoTest = read(v, oneOf("none"))
			if b.NoTest && (b.MustList != "" || b.MustNotList != "") {
				v.fail("a list without a test point has neither must_list nor must_not_list; remove them or this")
			}
		})
		m.at("removal", func(v value) { readInto(v, &b.Removal.URL, webAddress) })
		m.at("page", func(v value) { readInto(v, &b.Page, listPage) })
		b.Title = catalog.Text{EN: "a list of your own", RU: "ваш собственный список"}
		b.Lists = catalog.Text{
			EN: "It stands under `blocklists.custom` in exporter.yml. What a listing means, and how long it lasts, whoever runs the list can say.",
			RU: "Он описан в exporter.yml под `blocklists.custom`. Что значит попадание в него и сколько оно длится, знает тот, кто ведёт список.",
		}
		b.Removal.Text = catalog.Text{EN: "Ask whoever runs the list to remove the entry.", RU: "Попросите того, кто ведёт список, убрать запись."}
		m.at("queries_per_day", func(v value) { perDay(v, &b.QueriesPerDay) })
		r.custom, r.zones = append(r.custom, b), append(r.zones, zone)
	}
}

// listPage reads the address of a list's page about one subject.
func listPage(s string) (string, error) {
	if _, err := webAddress(s); err != nil || strings.Count(s, "{subject}") != 1 {
		return "", errors.New("want the address of the list's page about one listing, such as https://example.net/lookup?q={subject}")
	}
	return s, nil
}

// customID reads the id of a zone of the operator's own, which must be new.
func (r *listReader) customID(v value) string {
	id, ok := read(v, word)
	if !ok {
		return ""
	}
	if _, known := r.list(id); known {
		v.bad(id, "a blocklist has this id already; want another (blocklists.overrides changes one of the catalogue)")
	} else if _, known := r.p.cfg.Catalog().InGroup(id); known {
		v.bad(id, "a group of blocklists has this name; want another")
	}
	return id
}

// holdsKey reports whether a zone is one that makers of lists give to each customer, with his key in it.
func holdsKey(zone string) bool {
	zone = strings.ToLower(strings.TrimSuffix(zone, "."))
	return !strings.Contains(zone, "{key}") && slices.ContainsFunc(catalog.Default().Blocklists(), func(b *catalog.Blocklist) bool {
		_, list, keyed := strings.Cut(b.KeyedZone, "{key}.")
		_, maker, _ := strings.Cut(list, ".")
		return keyed && strings.HasSuffix(zone, "."+maker)
	})
}

// customZone reads a zone, in which {key} stands for the operator's key.
func customZone(s string) (string, error) {
	const place, stand = "{key}", "key-stands-here"
	name, err := parseName(strings.ReplaceAll(s, place, stand))
	if err != nil || !strings.Contains(name, ".") {
		return "", errors.New("want a DNS zone such as bl.example.net, in which {key} may stand for a key")
	}
	if b, dead := catalog.Default().DeadZone(name); dead {
		return "", fmt.Errorf("this is the blocklist %s, which is dead (%s); remove it", b.ID, b.Dead)
	}
	return strings.ReplaceAll(name, stand, place), nil
}

// answer reads an address that a list answers with.
func answer(s string) (string, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || !netip.MustParsePrefix("127.0.0.0/8").Contains(a) {
		return "", errors.New("want an answer in 127.0.0.0/8, such as 127.0.0.2")
	}
	return a.String(), nil
}

// readAnswers reads what the answers of a list mean, each of them one thing.
func readAnswers(m mapping, b *catalog.Blocklist) {
	m.at("good", func(v value) { b.Good = readCodes(v) })
	m.at("refusals", func(v value) {
		b.Refusals = readList(v, answer)
		for _, a := range b.Refusals {
			if _, good := b.Good[a]; good {
				v.fail("%s stands under good already; an answer means one thing", a)
			}
		}
	})
	taken := func(answer string) string {
		if _, good := b.Good[answer]; good {
			return "good"
		}
		if slices.Contains(b.Refusals, answer) {
			return "refusals"
		}
		return ""
	}
	if !m.has("codes") {
		// RFC 5782 section 2.1: the answer of a list that knows but one kind of listing.
		if listed := "127.0.0.2"; taken(listed) == "" {
			b.Codes = map[string]catalog.Code{listed: {Meaning: "listed", Severity: catalog.SeverityWarning}}
		}
		return
	}
	m.at("codes", func(v value) {
		b.Codes = readCodes(v)
		for _, a := range sortedKeys(b.Codes) {
			if other := taken(a); other != "" {
				v.fail("%s stands under %s already; an answer means one thing", a, other)
			}
		}
	})
}

// readCodes reads what the answers of a list mean.
func readCodes(v value) map[string]catalog.Code {
	out := map[string]catalog.Code{}
	for _, pr := range v.pairs() {
		code, err := answer(pr.name)
		switch {
		case err != nil:
			pr.key.fail("%s", err)
			continue
		case strings.HasPrefix(code, "127.255.255."):
			pr.key.fail("on every list an answer in 127.255.255.0/24 means that it refuses to serve; want another")
			continue
		}
		out[code] = readCode(pr.value)
	}
	if len(out) == 0 && !v.isNull() && len(v.node.Content) == 0 && v.kind() == "a mapping" || v.isNull() {
		v.fail("want at least one answer with its meaning, such as {127.0.0.2: listed}")
	}
	return out
}

// readCode reads what one answer means: a word, or a mapping with more about it.
func readCode(v value) catalog.Code {
	c := catalog.Code{Severity: catalog.SeverityWarning}
	if v.kind() != "a mapping" {
		readInto(v, &c.Meaning, word)
		c.Text = catalog.Text{EN: c.Meaning, RU: c.Meaning}
		return c
	}
	severity := oneOf(catalog.SeverityCritical, catalog.SeverityWarning, catalog.SeverityInfo)
	m := v.mapping("meaning", "severity", "non_mta", "text")
	m.need("meaning", "meaning: listed", func(v value) { readInto(v, &c.Meaning, word) })
	m.at("severity", func(v value) { readInto(v, &c.Severity, severity) })
	m.at("non_mta", func(v value) { readInto(v, &c.NonMTA, severity) })
	c.Text = catalog.Text{EN: c.Meaning, RU: c.Meaning}
	m.at("text", func(v value) { c.Text = readText(v) })
	return c
}
