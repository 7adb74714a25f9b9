import { createRoot } from 'react-dom/client';
import { App } from './app/App.tsx';
import { setUpTexts } from './text/setup.ts';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';

setUpTexts();
const root = document.getElementById('root');
if (root !== null) createRoot(root).render(<App />);
