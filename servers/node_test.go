//go:build linux

package servers

import (
	"encoding/json"
	"os"
	"syscall"
	"testing"
	"time"
)

var node = &program{
	name:      "node",
	configure: configureNode,
	stop:      syscall.SIGTERM,
}

func TestNode(t *testing.T) {
	const soon, late = 30 * time.Millisecond, 300 * time.Millisecond
	node.play(t, []scenario{
		{"keep-alive race", keepAliveRace, needs{keepAlive: soon}},
		{"keep-alive race over h2", keepAliveRace, needs{keepAlive: soon, h2: true}},
		{"stall", stalled, needs{keepAlive: late}},
		{"stall over h2", stalled, needs{keepAlive: late, h2: true}},
		{"kill", killed, needs{held: true}},
		{"kill over h2", killed, needs{held: true, h2: true}},
		{"restart", restarted, needs{}},
		{"rolling restart", renewed, needs{held: true}},
		{"rolling restart over h2", renewed, needs{held: true, h2: true}},
		{"3 requests a connection", fewPerConn, needs{perConn: 3}},
		{"no keep-alive", onePerConn, needs{keepAlive: -1}},
		{"request says close", onePerConn, needs{}},
		{"4 streams", crowded, needs{streams: 4, h2: true}},
		{"upload refused", refused, needs{maxBody: 1 << 20}},
		{"upload refused over h2", refused, needs{maxBody: 1 << 20, h2: true}},
		{"upload refused, and the connection cut", refused, needs{maxBody: 1 << 20, abrupt: true}},
	})
}

func configureNode(s *server) ([]string, error) {
	if err := os.WriteFile(s.file("server.js"), []byte(nodeScript), 0o644); err != nil {
		return nil, err
	}
	settings, err := json.Marshal(s.settings())
	return []string{s.file("server.js"), string(settings)}, err
}

// It refuses an upload at its head, and reads on; if abrupt, it closes the
// connection instead.
const nodeScript = `
const fs = require('fs');
const set = JSON.parse(process.argv[2]);
const ids = fs.openSync('ids', 'a');

function answer(req, res) {
	const id = req.headers['x-id'] || '';
	fs.writeSync(ids, id + '\n');
	res.setHeader('X-Id', id);
	res.setHeader('X-Generation', set.Generation);
	if (set.Idle == 0 && !set.H2) res.setHeader('Connection', 'close');
	if (Number(req.headers['content-length']) > set.MaxBody) {
		if (set.Abrupt) res.setHeader('Connection', 'close');
		else req.resume();
		res.writeHead(413);
		res.end();
		return;
	}
	req.resume();
	req.on('end', () => res.end(id));
}

const tls = () => ({cert: fs.readFileSync('cert.pem'), key: fs.readFileSync('key.pem')});
const sessions = new Set();
let server;
if (set.H2) {
	server = require('http2').createSecureServer(
		// It cuts connections that go beyond maxConcurrentStreams often.
		{...tls(), allowHTTP1: true, settings: {maxConcurrentStreams: set.Streams}, maxSessionRejectedStreams: 1e6}, answer);
	server.on('session', (session) => {
		sessions.add(session);
		session.on('close', () => sessions.delete(session));
		session.setTimeout(set.Idle, () => session.close());
	});
} else {
	server = set.TLS ? require('https').createServer(tls(), answer) : require('http').createServer(answer);
	server.keepAliveTimeout = set.Idle;
	server.keepAliveTimeoutBuffer = 0; // since Node 24, a second
	server.maxRequestsPerSocket = set.PerConn;
}
const [host, port] = set.Addr.split(':');
server.listen(set.Held ? {fd: 3} : {host, port: Number(port)});

process.on('SIGTERM', () => {
	server.close();
	for (const session of sessions) session.close();
});
`
