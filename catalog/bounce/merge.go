package bounce

import (
	"net/netip"
	"strings"
)

// A weight says how sure it is that something is a reply that this letter is about.
type weight int

const (
	anchored weight = iota // It stands where a reply stands.
	placed                 // Words where a mail system says why. The catalogue knows what they mean.
	loose                  // Words in a text that mail systems use too. Counts if there is nothing else.
	bare                   // A status code without a word (RFC 3464 section 2.3.4).
	unknown                // Words where a mail system says why, of which nobody knows what they mean.
	positive               // A reply that says that all is well.
)

// A collection holds the replies of one letter, each once: a letter says the same for people, for programs, and often again in
// HTML.
type collection struct {
	all      []held
	accepted int  // Calls of add.
	failure  bool // It is about something that failed: no reply that says that all is well is what it is about.
}

// held is a reply with what it is compared by.
type held struct {
	Reply
	weight
	key string // Letters and digits of Text, in lower case.
}

// add takes a reply; one that is held already adds to that what it knows better.
func (c *collection) add(r Reply, w weight) {
	c.accepted++
	if r.Code == 0 && r.Enhanced == "" && r.Text == "" {
		return
	}
	if r.Code >= 200 && r.Code < 400 {
		w = positive
	}
	if w == anchored && consequence(r) {
		w = loose
	}
	next := held{r, w, wordKey(r.Text)}
	for i := range c.all {
		if c.all[i].same(&next) {
			c.all[i].merge(&next)
			return
		}
	}
	if len(c.all) < MaxReplies {
		c.all = append(c.all, next)
	}
}

// same reports whether two are one reply, told twice.
func (h *held) same(o *held) bool {
	if h.weight == bare || o.weight == bare {
		return h.weight == o.weight && h.Enhanced == o.Enhanced && strings.EqualFold(h.Recipient, o.Recipient)
	}
	return h.Code == o.Code &&
		(h.Enhanced == o.Enhanced || h.Enhanced == "" || o.Enhanced == "") &&
		sameRecipient(h.Recipient, o.Recipient) &&
		sameWords(h.key, o.key)
}

// merge takes over what another telling of the same reply has and this one has not.
func (h *held) merge(o *held) {
	h.weight = min(h.weight, o.weight)
	if len(o.key) > len(h.key) {
		h.Text, h.key = o.Text, o.key
	}
	if h.Server == "" || isAddress(h.Server) && o.Server != "" {
		h.Server = o.Server
	}
	h.Enhanced = cmpOr(h.Enhanced, o.Enhanced)
	h.Recipient = cmpOr(h.Recipient, o.Recipient)
	if h.Reporter == "" || strings.HasSuffix(o.Reporter, "."+h.Reporter) {
		h.Reporter = o.Reporter
	}
}

// result returns what counts, in the order found.
func (c *collection) result() []Reply {
	var out []Reply
	take := func(w weight) {
		for i := range c.all {
			if c.all[i].weight == w {
				out = append(out, c.all[i].Reply)
			}
		}
	}
	take(anchored)
	for _, w := range []weight{placed, bare} {
		known := len(out)
		for i := range c.all {
			if h := c.all[i]; h.weight == w && !told(out[:known], h.Reply) {
				h.Text = cmpOr(h.Text, c.words(h.Recipient))
				out = append(out, h.Reply)
			}
		}
	}
	for _, w := range []weight{loose, unknown, positive} {
		if len(out) == 0 && (w != positive || !c.failure) {
			take(w)
		}
	}
	return out
}

// wordless reports whether nothing was found that says why.
func (c *collection) wordless() bool {
	for i := range c.all {
		if w := c.all[i].weight; w <= loose {
			return false
		}
	}
	return true
}

// told reports whether there is a reply for the same recipient, which says more than a bare status does.
// What the status knows and the words do not is added to them.
func told(replies []Reply, r Reply) bool {
	for i := range replies {
		o := &replies[i]
		if !sameRecipient(o.Recipient, r.Recipient) {
			continue
		}
		if o.Code == 0 {
			o.Enhanced, o.Server = cmpOr(o.Enhanced, r.Enhanced), cmpOr(o.Server, r.Server)
		}
		return true
	}
	return false
}

// words returns the first loose words that may be about a recipient.
func (c *collection) words(recipient string) string {
	for _, w := range []weight{loose, unknown} {
		for i := range c.all {
			if h := &c.all[i]; h.weight == w && sameRecipient(h.Recipient, recipient) {
				return h.Text
			}
		}
	}
	return ""
}

// sameRecipient reports whether two addresses are one; one that is not said may be any.
func sameRecipient(a, b string) bool {
	return a == "" || b == "" || strings.EqualFold(a, b)
}

// sameWords reports whether two texts are one, or one is the beginning of the other: reports cut, and add to, what they quote.
func sameWords(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return strings.HasPrefix(b, a) && (len(a) >= 6 || len(a) == 0 || len(a) == len(b))
}

// wordKey returns letters and digits only, those of ASCII in lower case.
func wordKey(text string) string {
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		switch b := text[i]; {
		case b >= 'A' && b <= 'Z':
			out = append(out, b|0x20)
		case isWordByte(b), b >= 0x80:
			out = append(out, b)
		}
	}
	return string(out)
}

// isAddress reports whether a host is said as an IP address.
func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
