package mailworld

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// issuerURL is where certificates say that their issuer's is found (RFC 5280 section 4.2.2.1). Nobody asks there.
const issuerURL = "http://ca.example.net/intermediate.crt"

// An Authority issues certificates of the mail world: an intermediate does, which the root signed.
type Authority struct {
	root, intermediate *x509.Certificate
	key                crypto.Signer // Of the intermediate.
}

// newAuthority makes an authority with new keys, valid for a century.
func newAuthority(name string) (*Authority, error) {
	template := func(serial int64, title string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber:          big.NewInt(serial),
			Subject:               pkix.Name{Organization: []string{name}, CommonName: name + " " + title},
			NotBefore:             time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
			NotAfter:              time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
			IsCA:                  true,
			BasicConstraintsValid: true,
			KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		}
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	root := template(1, "Root")
	if root, err = sign(root, root, rootKey.Public(), rootKey); err != nil {
		return nil, err
	}
	intermediate, err := sign(template(2, "Intermediate"), root, key.Public(), rootKey)
	if err != nil {
		return nil, err
	}
	return &Authority{root: root, intermediate: intermediate, key: key}, nil
}

// rootPEM is the root certificate as PEM text.
func (a *Authority) rootPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})
}

// A CertificateRequest says what certificate to issue. Zero times mean valid from yesterday for 90 days.
type CertificateRequest struct {
	Names               []string // Host names and addresses.
	NotBefore, NotAfter time.Time
	SelfSigned          bool
	OmitIntermediate    bool // Leave the chain incomplete.
	RSABits             int  // 0: ECDSA P-256.
	// Usage is what the certificate is for; 0, which is any use, stands for a server's.
	Usage x509.ExtKeyUsage
	// KeyUsage is what the key may do; 0 stands for signing handshakes.
	KeyUsage x509.KeyUsage
}

// Issue makes a certificate with its chain (leaf, intermediate).
func (a *Authority) Issue(r CertificateRequest) (tls.Certificate, error) {
	cert, err := a.issue(r)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issue certificate for %q: %w", r.Names, err)
	}
	return cert, nil
}

func (a *Authority) issue(r CertificateRequest) (tls.Certificate, error) {
	key, err := newKey(r.RSABits)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf := &x509.Certificate{
		SerialNumber:          serial,
		NotBefore:             r.NotBefore,
		NotAfter:              r.NotAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if r.Usage != 0 {
		leaf.ExtKeyUsage = []x509.ExtKeyUsage{r.Usage}
	}
	if r.KeyUsage != 0 {
		leaf.KeyUsage = r.KeyUsage
	}
	if leaf.NotBefore.IsZero() {
		leaf.NotBefore = time.Now().AddDate(0, 0, -1)
	}
	if leaf.NotAfter.IsZero() {
		leaf.NotAfter = leaf.NotBefore.AddDate(0, 0, 90)
	}
	for _, name := range r.Names {
		if ip := net.ParseIP(name); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, name)
		}
	}
	if len(r.Names) > 0 {
		leaf.Subject.CommonName = r.Names[0]
	}
	parent, signer := a.intermediate, a.key
	if r.SelfSigned {
		parent, signer = leaf, key
	} else {
		leaf.IssuingCertificateURL = []string{issuerURL}
	}
	made, err := sign(leaf, parent, key.Public(), signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	chain := [][]byte{made.Raw}
	if !r.SelfSigned && !r.OmitIntermediate {
		chain = append(chain, a.intermediate.Raw)
	}
	return tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: made}, nil
}

func newKey(rsaBits int) (crypto.Signer, error) {
	if rsaBits > 0 {
		return rsa.GenerateKey(rand.Reader, rsaBits)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// sign makes a certificate of a template and reads it back.
func sign(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
