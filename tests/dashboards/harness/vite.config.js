import react from '@vitejs/plugin-react';
import { cpSync } from 'node:fs';

// @grafana/scenes wants the sixth react-router where @grafana/ui wants the fifth: each gets its own.
const routers = {
  name: 'routers',
  enforce: 'pre',
  resolveId(id, importer) {
    const wanted = { 'react-router': 'react-router-6', 'react-router-dom': 'react-router-dom-6' }[id];
    if (wanted && /node_modules\/(@grafana\/scenes|react-router-dom-6)\//.test(importer ?? '')) {
      return this.resolve(wanted, undefined, { skipSelf: true });
    }
  },
};

// The icons, which Grafana's server hands out.
const icons = {
  name: 'icons',
  writeBundle: () => cpSync('node_modules/@grafana/ui/dist/public', 'dist/public/build', { recursive: true }),
};

export default {
  plugins: [routers, react(), icons],
  define: { 'process.env.NODE_ENV': '"production"' },
  build: { chunkSizeWarningLimit: 99999, minify: false, rolldownOptions: { shimMissingExports: true } },
  logLevel: 'warn',
};
