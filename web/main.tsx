/** The page's beginning. */
import { render } from "preact";
import { keepForOffline } from "./app/offline.ts";
import { Shell } from "./app/shell.tsx";
import { followTheme } from "./app/theme.ts";
import { onlyOwnScripts } from "./engine/own-scripts.ts";
import { start } from "./state/session.ts";
import "./style/base.css";
import "./style/shell.css";
import "./style/parts.css";

onlyOwnScripts();
followTheme();
render(<Shell />, document.getElementById("app")!);
void start();
keepForOffline();
