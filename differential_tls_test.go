package berth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"sync"
	"time"
)

var serverTLS = sync.OnceValue(func() *tls.Config {
	return &tls.Config{
		Certificates:                []tls.Certificate{certificate()},
		DynamicRecordSizingDisabled: true, // a piece is a record
		SessionTicketsDisabled:      true,
	}
})

var clientTLS = sync.OnceValue(func() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(certificate().Leaf)
	// One cheap key exchange: handshakes are most of what a run costs.
	return &tls.Config{RootCAs: roots, CurvePreferences: []tls.CurveID{tls.X25519}}
})

// certificate is made at the first use: a committed one would run out.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		DNSNames:              []string{"berth.test", "other.test", "proxy.test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})
