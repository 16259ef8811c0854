// Takes the pictures in docs/dashboards: starts the demo and a Prometheus that scrapes it, waits until there is something to see, and
// photographs the page of each dashboard in a headless Chromium. Nothing listens beyond loopback.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import puppeteer from 'puppeteer-core';

const root = path.resolve(import.meta.dirname, '../..');
const minutes = Number(process.env.MINUTES ?? 15);

// What is chosen above each dashboard.
const pictures = {
  overview: {},
  server: { target: 'mx1.other-key.example:25' },
  domain: { target: 'many-lookups.example' },
  reputation: {},
  exporter: {},
};

// ended are what ends that which was started.
const ended = [];

function start(command, ...args) {
  const child = spawn(command, args, { stdio: 'ignore' });
  child.on('error', (e) => fail(`start ${command}: ${e.message}`));
  ended.push(async () => {
    if (child.exitCode === null && child.kill()) {
      await once(child, 'exit');
    }
  });
}

function fail(text) {
  console.error(text);
  process.exitCode = 1;
}

// freePort is an address on loopback where nobody listens.
async function freePort() {
  const server = http.createServer();
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return `127.0.0.1:${port}`;
}

// world starts what there is to see, unless one is named that runs already, and returns where its Prometheus is.
async function world(dir) {
  if (process.env.PROMETHEUS) {
    return process.env.PROMETHEUS;
  }
  const exporterAddress = await freePort();
  const prometheusAddress = await freePort();
  const config = path.join(dir, 'prometheus.yml');
  await writeFile(config, JSON.stringify({
    global: { scrape_interval: '5s' },
    scrape_configs: [{ job_name: 'mailprobe', static_configs: [{ targets: [exporterAddress] }] }],
  }));
  start('prometheus', `--config.file=${config}`, `--storage.tsdb.path=${dir}/data`, `--web.listen-address=${prometheusAddress}`);
  await sleep(5000); // The first scrape shall see the exporter's first moments.
  start(path.join(root, 'mailprobe_exporter'), 'demo', `--web.listen-address=${exporterAddress}`);
  console.log(`waiting for ${minutes} minutes of data`);
  await sleep(minutes * 60_000);
  return `http://${prometheusAddress}`;
}

const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json' };

// serve serves the page, the dashboards and the API of Prometheus under one origin.
function serve(prometheus) {
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    try {
      if (pathname.startsWith('/api/')) {
        const answer = await fetch(prometheus + request.url);
        response.writeHead(answer.status, { 'content-type': 'application/json' });
        response.end(await answer.text());
        return;
      }
      const file = pathname.startsWith('/dashboards/')
        ? path.join(root, 'dashboards/grafana', path.basename(pathname))
        : path.join(import.meta.dirname, 'build', pathname === '/' ? 'index.html' : path.normalize(pathname));
      const content = await readFile(file);
      response.writeHead(200, { 'content-type': types[path.extname(file)] ?? 'application/octet-stream' });
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  ended.push(() => server.close());
  return new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(`http://127.0.0.1:${server.address().port}`)));
}

async function photograph(browser, base, name, variables) {
  const page = await browser.newPage();
  await page.setViewport({ width: 1440, height: 2400 }); // Tables are drawn only where they are seen.
  await page.goto(`${base}/?${new URLSearchParams({ dashboard: name, seconds: minutes * 60, ...variables })}`);
  await page.waitForFunction('window.picture', { timeout: 60_000 });
  const { errors, empty } = await page.evaluate('window.picture');
  for (const e of errors) {
    fail(`${name}: ${e}`);
  }
  for (const title of empty) {
    fail(`${name}: the panel ${title} is empty`);
  }
  const dashboard = await page.$('#dashboard');
  await dashboard.screenshot({ path: path.join(root, `docs/dashboards/${name}.png`) });
  await page.close();
}

const dir = await mkdtemp(path.join(os.tmpdir(), 'pictures'));
try {
  const base = await serve(await world(dir));
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  ended.push(() => browser.close());
  for (const [name, variables] of Object.entries(pictures)) {
    if (process.argv.length === 2 || process.argv.includes(name)) {
      await photograph(browser, base, name, variables);
    }
  }
} finally {
  await Promise.all(ended.map((end) => end()));
  await rm(dir, { recursive: true, force: true });
}
