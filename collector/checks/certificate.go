package checks

import "crypto/x509"

// A Verifier judges certificate chains against trust anchors.
type Verifier struct{ roots *x509.CertPool }

// NewVerifier returns a verifier with these trust anchors.
func NewVerifier(roots *x509.CertPool) *Verifier { return &Verifier{roots} }
