// The general styles come first, so that a component's own can differ from them.
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import { createRoot } from 'react-dom/client';
import { App } from './app/App.tsx';
import { setUpTexts } from './text/setup.ts';

setUpTexts();
const root = document.getElementById('root');
if (root !== null) createRoot(root).render(<App />);
