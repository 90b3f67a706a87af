// node client.js PORT N [shared]: an agent a request, or one for all.
const http = require('http');
const shared = process.argv[4] && new http.Agent({ keepAlive: true });

function fetchOrder() {
  const agent = shared || new http.Agent({ keepAlive: true });
  return new Promise((resolve, reject) => {
    http.get({ host: '127.0.0.1', port: process.argv[2], agent }, response => {
      response.resume();
      response.on('end', () => setImmediate(() => {
        if (!shared) agent.destroy();
        resolve();
      }));
    }).on('error', reject);
  });
}

(async () => {
  for (let i = 0; i < process.argv[3]; i++) await fetchOrder();
  console.log('done');
  process.exit(0);
})();
