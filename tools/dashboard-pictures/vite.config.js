import react from '@vitejs/plugin-react';

export default {
  plugins: [react()],
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'globalThis' },
  build: { outDir: 'build', chunkSizeWarningLimit: 100000 },
};
