package checks

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailprobe/mailprobe_exporter/catalog"
)

// A CertificateResult is one thing that is true of a server's certificate.
type CertificateResult string

// The results. All that hold are given at once, in this order; CertificateOK stands alone. Of self_signed,
// incomplete_chain and unknown_authority, which are three ways of not being trusted with three
// remedies, it is the one that fits best.
const (
	CertificateOK               CertificateResult = "ok"
	CertificateExpired          CertificateResult = "expired"
	CertificateNotYetValid      CertificateResult = "not_yet_valid"
	CertificateNameMismatch     CertificateResult = "name_mismatch"
	CertificateUnknownAuthority CertificateResult = "unknown_authority"
	CertificateSelfSigned       CertificateResult = "self_signed"
	CertificateIncompleteChain  CertificateResult = "incomplete_chain" // The server does not send an intermediate certificate.
	CertificateWeak             CertificateResult = "weak"             // Key or signature is too weak; see isWeak.
	CertificateInvalid          CertificateResult = "invalid"          // Not for TLS servers, or a rule of its authorities is broken.
)

// A Judgement is what is to be said of a chain.
type Judgement struct {
	Results []CertificateResult // Never empty.
	Invalid catalog.Text        // Why it is CertificateInvalid, a part of a sentence; "" if it is not.
	// Above is the certificate above the leaf that expires first, among those that the server sent and that are needed
	// where the chain verifies, among all that it sent otherwise; nil if there is none.
	Above *x509.Certificate
}

// OK reports whether a client that verifies certificates would take this one.
func (j Judgement) OK() bool { return slices.Equal(j.Results, []CertificateResult{CertificateOK}) }

// A Verifier judges certificate chains against trust anchors. A client that only wants to connect stops at the first
// fault; people want to know all of them, and a certificate that is expired and from an unknown authority has two.
// So trust is looked for without regard to dates: at the present time, and if that fails at
// times at which the certificates would have been valid. Dates and name are judged by themselves.
//
// Of a chain that verified, its digest is remembered with the time in which every certificate of it is valid, so that
// the next run does not check the same signatures again. The dates are compared at every run, and so is the name.
// Trust anchors never change: other ones make another Verifier. What the chain says of the
// key is one thing, that the server has the key another, and that is proved in every handshake.
type Verifier struct {
	roots *x509.CertPool

	mu       sync.Mutex
	verified generations
	seen     map[string][]*x509.Certificate // Intermediates of chains that verified, by subject.
	seenSize int
}

const (
	maxVerified = 16 << 10 // Chains in one generation; 10,000 servers may have one each.
	maxSeen     = 512      // Intermediates; the public authorities have about so many in use for servers.
)

// NewVerifier returns a verifier with these trust anchors, which are not changed afterwards.
func NewVerifier(roots *x509.CertPool) *Verifier {
	return &Verifier{roots: roots, seen: map[string][]*x509.Certificate{}}
}

// Judge says what is to be said of a chain, leaf first, as a server sent it, if the server is expected to be called
// serverName, a host name or an address, and proved with a signature that it has the key. The chain must not be empty.
func (v *Verifier) Judge(chain []*x509.Certificate, serverName string, now time.Time) Judgement {
	return v.judge(chain, serverName, now, x509.KeyUsageDigitalSignature)
}

// judge is Judge for a server that needs its key for something.
func (v *Verifier) judge(chain []*x509.Certificate, serverName string, now time.Time, need x509.KeyUsage) Judgement {
	digest := digestOf(chain)
	v.mu.Lock()
	known, ok := v.verified.get(digest)
	v.mu.Unlock()
	if !ok || known.outside(now) {
		found := v.build(chain, now)
		known = found.verdict
		if found.remember {
			v.remember(digest, found)
		}
	}

	j := Judgement{Invalid: cmp.Or(unsuitable(chain[0], need), known.invalid)}
	add := func(holds bool, r CertificateResult) {
		if holds {
			j.Results = append(j.Results, r)
		}
	}
	add(now.After(known.notAfter), CertificateExpired)
	add(now.Before(known.notBefore), CertificateNotYetValid)
	// The error is not looked at: its text lists all names of the certificate. Names are those of the
	// extension alone; the common name has not counted since RFC 6125.
	add(chain[0].VerifyHostname(serverName) != nil, CertificateNameMismatch)
	add(known.trust != "", known.trust)
	add(known.weak, CertificateWeak)
	add(j.Invalid.EN != "", CertificateInvalid)
	add(len(j.Results) == 0, CertificateOK)
	if known.above > 0 {
		j.Above = chain[known.above]
	}
	return j
}

// A verdict is what holds of a chain whatever the time and the name.
type verdict struct {
	notBefore, notAfter time.Time         // When all that is needed of it is valid.
	trust               CertificateResult // What is wrong with its authority; "": nothing.
	weak                bool
	invalid             catalog.Text // Which rule is broken; "": none.
	above               int          // Place in the chain of Judgement.Above; 0: none.
}

func (v verdict) outside(now time.Time) bool {
	return now.Before(v.notBefore) || now.After(v.notAfter)
}

// A construction is a verdict, how it was come by, and whether it may be remembered.
type construction struct {
	verdict
	path     []*x509.Certificate // From the leaf to a trust anchor; nil: there is none.
	remember bool
}

// build looks for a path from the leaf to a trust anchor and judges what is on it.
func (v *Verifier) build(chain []*x509.Certificate, now time.Time) construction {
	links := linked(chain)
	top := links[len(links)-1]
	b := construction{}
	b.path, b.invalid = v.path(chain, nil, moments(links, now))
	if b.path == nil && b.invalid.EN == "" {
		b.trust, b.weak, b.invalid = distrust(links)
	}
	if b.trust == CertificateUnknownAuthority {
		// RFC 5246 section 7.4.2: all but the anchor must be sent. A certificate names where its issuer's is to be had
		// (RFC 5280 section 4.2.2.1); we do not fetch it, for a peer chose the address.
		missing := v.missing(top)
		if len(missing) > 0 {
			b.path, b.invalid = v.path(chain, missing, moments(append(links, missing...), now))
		}
		if b.path != nil || len(top.IssuingCertificateURL) > 0 && !selfSigned(top) {
			b.trust = CertificateIncompleteChain
		}
	}

	needed := links
	b.notBefore, b.notAfter = chain[0].NotBefore, chain[0].NotAfter
	if b.path != nil {
		needed = b.path[:max(1, len(b.path)-1)] // The trust anchor is ours, not the server's.
		b.notBefore, b.notAfter = validity(b.path)
	}
	b.weak = b.weak || slices.ContainsFunc(needed, isWeak)
	b.above = firstToExpire(chain, b.path)
	b.remember = b.path != nil && b.trust == "" && b.invalid.EN == ""
	return b
}

// path returns the path from the leaf to a trust anchor of the verifier: see findPath.
func (v *Verifier) path(chain, more []*x509.Certificate, times []time.Time) (path []*x509.Certificate, invalid catalog.Text) {
	return findPath(v.roots, slices.Concat(chain, more), times)
}

// findPath returns the path from the first certificate to a trust anchor that lasts longest, at the first of the given times at
// which there is one. invalid says that there is one, but that a certificate on it may not be used for a server, or that
// a constraint of an authority forbids it; and which rule that is.
func findPath(roots *x509.CertPool, chain []*x509.Certificate, times []time.Time) (path []*x509.Certificate, invalid catalog.Text) {
	r := relaxed{}
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(r.relax(c))
	}
	for _, o.CurrentTime = range times {
		o.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		paths, err := r.verify(chain[0], o)
		reason, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
		if isInvalid && reason.Reason == x509.IncompatibleUsage {
			invalid = say("its extendedKeyUsage, or that of an authority above it, is not for servers")
			o.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
			paths, err = r.verify(chain[0], o)
		}
		if err == nil {
			if paths = slices.DeleteFunc(paths, tooLong); len(paths) == 0 {
				return nil, say("an authority above it may not have so many authorities below it (pathLenConstraint)")
			}
			path = longestLasting(paths)
			return path, cmp.Or(invalid, unfitAuthority(path))
		}
		_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
		if !unknown && (!isInvalid || reason.Reason != x509.Expired) {
			return nil, brokenRule(err)
		}
	}
	return nil, catalog.Text{}
}

// Relaxed are certificates without what they say of the length of paths, and what they were before. Package x509 counts those that
// an authority issued to itself, and RFC 5280 does not: see tooLong.
type relaxed map[*x509.Certificate]*x509.Certificate

func (r relaxed) relax(c *x509.Certificate) *x509.Certificate {
	if c.MaxPathLen < 0 {
		return c
	}
	without := *c
	without.MaxPathLen, without.MaxPathLenZero = -1, false
	r[&without] = c
	return &without
}

// verify is Certificate.Verify without regard to the length of paths. The limit of a trust anchor, which is in a pool, is only known
// when it is in the way.
func (r relaxed) verify(leaf *x509.Certificate, o x509.VerifyOptions) ([][]*x509.Certificate, error) {
	paths, err := leaf.Verify(o)
	reason, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	if isInvalid && reason.Reason == x509.TooManyIntermediates && reason.Cert != nil {
		o.Roots = x509.NewCertPool()
		o.Roots.AddCert(r.relax(reason.Cert))
		paths, err = leaf.Verify(o)
	}
	for _, path := range paths {
		for i, c := range path {
			if original, ok := r[c]; ok {
				path[i] = original
			}
		}
	}
	return paths, err
}

// brokenRule says in short what package x509 found wrong. Its own words list names of the certificate.
func brokenRule(err error) catalog.Text {
	reason, _ := errors.AsType[x509.CertificateInvalidError](err)
	_, unhandled := errors.AsType[x509.UnhandledCriticalExtension](err)
	switch {
	case unhandled:
		return say("it, or an authority above it, has a critical extension that is not known")
	case reason.Reason == x509.CANotAuthorizedForThisName, reason.Reason == x509.NameConstraintsWithoutSANs:
		return say("an authority above it may not issue certificates for this name (nameConstraints)")
	case reason.Reason == x509.NotAuthorizedToSign:
		return say("it is signed by a certificate that is no authority")
	}
	return say("a rule of an authority above it is broken")
}

// oidKeyUsage is the extension keyUsage.
var oidKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 15}

// unsuitable says why a server may not use a certificate in TLS when it needs the key for something, "" if it may. RFC 5280
// section 4.2.1.3: keyUsage, where it is, says all that the key is for. RFC 8446 section 4.4.2.2: to sign the handshake it takes
// digitalSignature. GnuTLS insists, OpenSSL is content with keyEncipherment or keyAgreement. Section 4.2.1.12: so does
// extendedKeyUsage; anyExtendedKeyUsage alone may be refused, and OpenSSL does.
func unsuitable(leaf *x509.Certificate, need x509.KeyUsage) catalog.Text {
	restricted := slices.ContainsFunc(leaf.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidKeyUsage) })
	switch {
	case restricted && leaf.KeyUsage&need == 0:
		return say("its keyUsage is %s, and TLS needs %s", usages(leaf.KeyUsage), usages(need))
	case !forServers(leaf):
		return say("its extendedKeyUsage is not for servers: serverAuth is not among it")
	}
	return catalog.Text{}
}

// forServers reports whether extendedKeyUsage of a certificate lets it be used for a server.
func forServers(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
}

// unfitAuthority says why an authority on a path, but for the trust anchor, may not vouch for servers, as OpenSSL sees it; "" if all
// may.
func unfitAuthority(path []*x509.Certificate) catalog.Text {
	for _, c := range path[1:max(1, len(path)-1)] {
		if !forServers(c) {
			return say("the extendedKeyUsage of an authority above it is not for servers")
		}
	}
	return catalog.Text{}
}

// usages lists the uses of a key by their names in RFC 5280 section 4.2.1.3.
func usages(u x509.KeyUsage) catalog.Text {
	var names []string
	for i, name := range []string{
		"digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly",
	} {
		if u&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return say("empty")
	}
	return same(strings.Join(names, ", "))
}

// tooLong reports whether a path is longer than an authority on it allows. RFC 5280 section 6.1.4 (l): certificates that an
// authority issued to itself, as when it changes its key, do not count, and nor does the leaf.
func tooLong(path []*x509.Certificate) bool {
	below := 0
	for _, c := range path[1:] {
		if c.MaxPathLen >= 0 && (c.MaxPathLen > 0 || c.MaxPathLenZero) && below > c.MaxPathLen {
			return true
		}
		if !selfIssued(c) {
			below++
		}
	}
	return false
}

// moments are the times at which a path is looked for: now, and where that fails times at which the leaf or all of
// the certificates were or will be valid.
func moments(links []*x509.Certificate, now time.Time) []time.Time {
	leaf := links[0]
	begin, end := validity(links)
	times := []time.Time{now}
	for _, t := range []time.Time{later(leaf.NotBefore, earlier(now, leaf.NotAfter)), end, begin} {
		if !slices.ContainsFunc(times, t.Equal) {
			times = append(times, t)
		}
	}
	return times
}

// linked follows a chain from the leaf upwards, from each certificate to one that calls itself its issuer, whatever the
// order in which they were sent. Signatures are not looked at.
func linked(chain []*x509.Certificate) []*x509.Certificate {
	links := []*x509.Certificate{chain[0]}
	for {
		top := links[len(links)-1]
		i := slices.IndexFunc(chain, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, top.RawIssuer) && !slices.Contains(links, c)
		})
		if i < 0 || selfSigned(top) {
			return links
		}
		links = append(links, chain[i])
	}
}

// distrust says why there is no path: where the chain itself is broken that is the reason, and
// what its authority is cannot be told.
func distrust(links []*x509.Certificate) (trust CertificateResult, weak bool, invalid catalog.Text) {
	if selfSigned(links[0]) {
		return CertificateSelfSigned, false, invalid
	}
	for i, c := range links {
		if hasWeakSignature(c) {
			return "", true, invalid
		}
		if i+1 == len(links) {
			break
		}
		switch issuer := links[i+1]; {
		case issuer.Version == 3 && !issuer.IsCA:
			return "", false, say("it is signed by %s, which is no authority", quotedName(issuer.Subject))
		case issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCertSign == 0:
			return "", false, say("the keyUsage of %s above it is %s, and to sign certificates it needs keyCertSign", quotedName(issuer.Subject), usages(issuer.KeyUsage))
		}
	}
	return CertificateUnknownAuthority, false, invalid
}

// missing returns intermediates seen elsewhere that continue a chain above its last certificate.
func (v *Verifier) missing(top *x509.Certificate) []*x509.Certificate {
	v.mu.Lock()
	defer v.mu.Unlock()
	var found []*x509.Certificate
	for range 3 {
		next := v.seen[string(top.RawIssuer)]
		if len(next) == 0 || slices.Contains(found, next[0]) {
			break
		}
		found = append(found, next...)
		top = next[0]
	}
	return found
}

// remember keeps the verdict on a chain that verified, and the intermediates on its path. As these have been
// signed by a trust anchor or one of its own, a peer cannot fill the memory with what it made up.
func (v *Verifier) remember(digest [sha256.Size]byte, b construction) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.verified.put(digest, b.verdict)
	for _, c := range b.path[1:max(1, len(b.path)-1)] {
		key := string(c.RawSubject)
		if v.seenSize < maxSeen && !slices.ContainsFunc(v.seen[key], c.Equal) {
			v.seen[key] = append(v.seen[key], c)
			v.seenSize++
		}
	}
}

// Generations remember the verdicts used last: when the young ones are many they become the old
// ones, and the old ones are forgotten.
type generations struct{ young, old map[[sha256.Size]byte]verdict }

func (g *generations) get(key [sha256.Size]byte) (verdict, bool) {
	if v, ok := g.young[key]; ok {
		return v, true
	}
	v, ok := g.old[key]
	if ok {
		g.put(key, v)
	}
	return v, ok
}

func (g *generations) put(key [sha256.Size]byte, v verdict) {
	if g.young == nil || len(g.young) >= maxVerified {
		g.old, g.young = g.young, map[[sha256.Size]byte]verdict{}
	}
	g.young[key] = v
}

func digestOf(chain []*x509.Certificate) (digest [sha256.Size]byte) {
	h := sha256.New()
	var size [8]byte
	for _, c := range chain {
		binary.BigEndian.PutUint64(size[:], uint64(len(c.Raw)))
		h.Write(size[:])
		h.Write(c.Raw)
	}
	h.Sum(digest[:0])
	return digest
}

// isWeak reports whether a key or signature is one that mail servers refuse. There is no one rule: browsers and the CA/Browser Forum
// (Baseline Requirements 6.1.5, 7.1.3.2) have wanted RSA of 2048 bits and no SHA-1 for years, and
// OpenSSL at security level 2, Debian's and Red Hat's default, wants the same. So do we. The signature of a certificate by itself proves nothing and may be anything.
func isWeak(c *x509.Certificate) bool {
	if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		return true
	}
	return c.PublicKeyAlgorithm == x509.DSA || hasWeakSignature(c)
}

func hasWeakSignature(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return !selfSigned(c)
	}
	return false
}

// selfIssued reports whether a certificate names itself as its issuer. An authority also issues such certificates for its next key.
func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

// selfSigned reports whether a certificate is self-issued and does not say that another key than its own signed it (RFC 5280
// section 4.2.1.1).
func selfSigned(c *x509.Certificate) bool {
	return selfIssued(c) && (len(c.AuthorityKeyId) == 0 || len(c.SubjectKeyId) == 0 || bytes.Equal(c.AuthorityKeyId, c.SubjectKeyId))
}

// validity returns the time in which all of some certificates are valid. Where there is no such time, begin is after end.
func validity(certificates []*x509.Certificate) (begin, end time.Time) {
	begin, end = certificates[0].NotBefore, certificates[0].NotAfter
	for _, c := range certificates[1:] {
		begin, end = later(begin, c.NotBefore), earlier(end, c.NotAfter)
	}
	return begin, end
}

// longestLasting chooses the path that clients will use in the end: an authority that is changing its root sends certificates
// for both, and one of the two expires first without any harm.
func longestLasting(paths [][]*x509.Certificate) []*x509.Certificate {
	return slices.MaxFunc(paths, func(a, b []*x509.Certificate) int {
		_, endA := validity(a)
		_, endB := validity(b)
		return endA.Compare(endB)
	})
}

// firstToExpire returns the place in a chain of the certificate above the leaf that expires first, of those on the path if
// there is one; 0 if there is none.
func firstToExpire(chain, path []*x509.Certificate) int {
	first := 0
	for i, c := range chain[1:] {
		if path != nil && !slices.ContainsFunc(path, c.Equal) {
			continue
		}
		if first == 0 || c.NotAfter.Before(chain[first].NotAfter) {
			first = i + 1
		}
	}
	return first
}

// keyOf names a certificate's kind of key and its size in bits, both for labels.
func keyOf(c *x509.Certificate) (kind, bits string) {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return "rsa", strconv.Itoa(key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ecdsa", strconv.Itoa(key.Curve.Params().BitSize)
	case ed25519.PublicKey:
		return "ed25519", "256"
	}
	return "other", ""
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
